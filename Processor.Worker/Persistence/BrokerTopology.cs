using System.Net.Security;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Processor.Worker.Persistence;

/// <summary>
/// The queues on the broker, by its own client: a queue that exists with other arguments is an error here, with the broker's words,
/// where MassTransit would reconnect for ever.
/// </summary>
internal sealed class BrokerTopology(IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, BrokerManagement management)
{
    private const ushort NotFound = 404;

    /// <summary>Declares every queue with its arguments, and the exchange that leads nowhere.</summary>
    /// <exception cref="OperationInterruptedException">A queue exists with other arguments (406), or the user may not declare it (403).</exception>
    public async Task DeclareAsync(CancellationToken cancellationToken)
    {
        await RequireExpectedNodesAsync(cancellationToken);
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var queue in Topology.Queues.Keys)
        {
            await DeclareQueueAsync(channel, queue, cancellationToken);
        }

        await channel.ExchangeDeclareAsync(Topology.CanaryExchange, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken);
    }

    /// <summary>Whether every queue is there.</summary>
    /// <exception cref="OperationInterruptedException">A queue exists with other arguments (406).</exception>
    public async Task<bool> StandsAsync(CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            foreach (var queue in Topology.Queues.Keys)
            {
                await channel.QueueDeclarePassiveAsync(queue, cancellationToken);
                // It exists: declaring it again changes nothing, and fails if its arguments are not these.
                await DeclareQueueAsync(channel, queue, cancellationToken);
            }
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            return false;
        }

        return true;
    }

    /// <summary>Looks at what came of it all. Without the management API the broker's word for each declaration has to do.</summary>
    /// <exception cref="InvalidOperationException">Something would lose messages.</exception>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        if (!await StandsAsync(cancellationToken))
        {
            throw new InvalidOperationException("A queue that was declared is not there: something deletes it.");
        }

        if (management.IsKnown && await management.FindFaultsAsync(cancellationToken) is { Count: > 0 } faults)
        {
            throw new InvalidOperationException($"Messages would be lost: {string.Join("; ", faults)}.");
        }
    }

    private static Task<QueueDeclareOk> DeclareQueueAsync(IChannel channel, string queue, CancellationToken cancellationToken) =>
        channel.QueueDeclareAsync(
            queue, durable: true, exclusive: false, autoDelete: false,
            Topology.Queues[queue].ToDictionary(argument => argument.Key, argument => (object?)argument.Value),
            cancellationToken: cancellationToken);

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(connections.Value.RabbitMq);
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
        };
        var endpoints = address.Nodes.Select(node => new AmqpTcpEndpoint(
            node.Host, node.Port, new SslOption(node.Host, enabled: address.UseTls) { AcceptablePolicyErrors = SslPolicyErrors.None }));
        return await factory.CreateConnectionAsync(endpoints, "processor-worker topology", cancellationToken);
    }

    private async Task RequireExpectedNodesAsync(CancellationToken cancellationToken)
    {
        if (!management.IsKnown)
        {
            return;
        }

        var expected = options.Value.ExpectedNodes;
        var running = await management.CountNodesAsync(cancellationToken);
        if (running < expected)
        {
            throw new InvalidOperationException(
                $"{running} of {expected} broker nodes run. A queue declared now would have {running} replicas for ever; "
                + "wait for the others, or lower Broker__ExpectedNodes.");
        }
    }
}
