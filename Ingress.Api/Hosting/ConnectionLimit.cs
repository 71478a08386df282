using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Ingress.Api.Hosting;

/// <summary>
/// Limits the open connections, in the same way as the body budget limits bodies: the newest connection
/// is served, and the one that has gone longest without an accepted webhook is closed. Kestrel's own
/// limit closes the newest, so strangers who hold all connections would keep the sender out.
/// </summary>
internal sealed class ConnectionLimit(IOptions<IngressOptions> options, RejectedRequests rejected)
{
    private readonly int _max = options.Value.MaxConnections;
    private readonly Lock _lock = new();
    private readonly LinkedList<ConnectionContext> _open = new();

    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var node = new LinkedListNode<ConnectionContext>(connection);
        connection.Items[typeof(ConnectionLimit)] = node;
        Enter(node);
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(node);
        }
    }

    /// <summary>Records that the connection has carried a webhook with a valid signature, which makes it the last to be closed.</summary>
    public void Prefer(HttpContext http)
    {
        var items = http.Features.GetRequiredFeature<IConnectionItemsFeature>().Items;
        if (items[typeof(ConnectionLimit)] is LinkedListNode<ConnectionContext> node)
        {
            lock (_lock)
            {
                MoveToEnd(node);
            }
        }
    }

    private void MoveToEnd(LinkedListNode<ConnectionContext> node)
    {
        if (node.List is not null)
        {
            _open.Remove(node);
            _open.AddLast(node);
        }
    }

    private void Enter(LinkedListNode<ConnectionContext> node)
    {
        ConnectionContext? oldest = null;
        lock (_lock)
        {
            _open.AddLast(node);
            if (_open.Count > _max)
            {
                oldest = _open.First!.Value;
                _open.RemoveFirst();
            }
        }

        if (oldest is not null)
        {
            rejected.CountConnection();
            oldest.Abort(new ConnectionAbortedException("Ingress__MaxConnections are open."));
        }
    }

    private void Leave(LinkedListNode<ConnectionContext> node)
    {
        lock (_lock)
        {
            node.List?.Remove(node);
        }
    }
}
