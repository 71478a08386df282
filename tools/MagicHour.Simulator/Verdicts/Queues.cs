using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Platform.Simulator.Verdicts;

/// <summary>Reads the broker's queues without consuming from them.</summary>
internal sealed class Queues : IAsyncDisposable
{
    private const ushort NotFound = 404;

    private readonly IConnection _connection;

    private Queues(IConnection connection) => _connection = connection;

    public static async Task<Queues> ConnectAsync(string rabbitMq, CancellationToken cancellationToken) =>
        new(await OpenConnectionAsync(rabbitMq, "storm verdict", cancellationToken));

    /// <param name="rabbitMq">In the format that <see cref="BrokerAddress"/> parses.</param>
    public static async Task<IConnection> OpenConnectionAsync(string rabbitMq, string name, CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(rabbitMq);
        var factory = new ConnectionFactory { UserName = address.User, Password = address.Password, VirtualHost = address.VirtualHost };
        var endpoints = address.Nodes.Select(node =>
            new AmqpTcpEndpoint(node.Host, node.Port, new SslOption(node.Host, enabled: address.UseTls)));
        return await factory.CreateConnectionAsync(endpoints, name, cancellationToken);
    }

    /// <summary>The number of ready messages in a queue; zero when the queue does not exist.</summary>
    public async Task<uint> CountAsync(string queue, CancellationToken cancellationToken)
    {
        await using var channel = await _connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            return 0;
        }
    }

    /// <summary>
    /// The ids of the ready messages in a queue. They are fetched unacknowledged and requeued when the channel closes, which the broker counts
    /// as a delivery of each.
    /// </summary>
    public async Task<IReadOnlySet<Guid>> PeekAsync(string queue, CancellationToken cancellationToken)
    {
        var ids = new HashSet<Guid>();
        if (await CountAsync(queue, cancellationToken) == 0)
        {
            return ids;
        }

        await using var channel = await _connection.CreateChannelAsync(cancellationToken: cancellationToken);
        while (await channel.BasicGetAsync(queue, autoAck: false, cancellationToken) is { } message)
        {
            if (Guid.TryParse(message.BasicProperties.MessageId, out var id))
            {
                ids.Add(id);
            }
        }

        return ids;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
