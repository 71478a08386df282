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
        await using var connection = await BrokerConnection.OpenAsync(connections.Value, "processor-worker topology", cancellationToken);
        await RequireExpectedNodesAsync(cancellationToken);
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
        await using var connection = await BrokerConnection.OpenAsync(connections.Value, "processor-worker topology", cancellationToken);
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

    private async Task RequireExpectedNodesAsync(CancellationToken cancellationToken)
    {
        var expected = options.Value.ExpectedNodes;
        if (expected == 1)
        {
            return;
        }

        var running = management.IsKnown ? await management.CountNodesAsync(cancellationToken) : await CountAnsweringNodesAsync(cancellationToken);
        if (running < expected)
        {
            throw new InvalidOperationException(
                $"{running} of {expected} broker nodes run. A queue declared now would have {running} replicas for ever; "
                + "wait for the others, or lower Broker__ExpectedNodes."
                + (management.IsKnown ? "" : " Only the nodes that ConnectionStrings__RabbitMq names are counted, unless Broker__ManagementUrl is set."));
        }
    }

    private async Task<int> CountAnsweringNodesAsync(CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(connections.Value.RabbitMq);
        var answering = await Task.WhenAll(address.Nodes.Distinct().Select(node => AnswersAsync(address with { Nodes = [node] }, cancellationToken)));
        return answering.Count(answers => answers);
    }

    private static async Task<bool> AnswersAsync(BrokerAddress node, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await BrokerConnection.OpenAsync(node, "processor-worker topology", cancellationToken);
            return true;
        }
        catch (BrokerUnreachableException)
        {
            return false;
        }
    }
}
