using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using Processor.Worker.Persistence;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Processor.Worker.Broker;

/// <summary>
/// Declares and checks the queues with the RabbitMQ client: a queue that exists with other arguments is an error here, with the message of
/// the broker, where MassTransit would reconnect endlessly.
/// </summary>
internal sealed class BrokerTopology(
    IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, BrokerConnector connector, BrokerManagement management)
{
    private const ushort NotFound = 404;

    /// <summary>
    /// Declares every queue with its arguments, the exchanges that lead to the parking queues, which MassTransit would declare when it first parks a
    /// message, and the canary exchange, which is bound to no queue.
    /// </summary>
    /// <exception cref="OperationInterruptedException">A queue exists with other arguments (406), or the user may not declare it (403).</exception>
    public async Task DeclareAsync(CancellationToken cancellationToken)
    {
        await using var connection = await connector.OpenAsync("processor-worker topology", cancellationToken);
        await RequireExpectedNodesAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var queue in Topology.Queues.Keys)
        {
            await DeclareQueueAsync(channel, queue, cancellationToken);
        }

        foreach (var queue in Topology.ParkingQueues)
        {
            await channel.ExchangeDeclareAsync(queue, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken);
            await channel.QueueBindAsync(queue, exchange: queue, routingKey: "", cancellationToken: cancellationToken);
        }

        await channel.ExchangeDeclareAsync(Topology.CanaryExchange, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken);
    }

    /// <summary>True when every queue exists. Needs no permission to declare.</summary>
    public Task<bool> ExistsAsync(CancellationToken cancellationToken) => CheckAsync(checksArguments: false, cancellationToken);

    /// <summary>True when every queue exists with its arguments. Needs the permission to declare them.</summary>
    /// <exception cref="OperationInterruptedException">A queue exists with other arguments (406).</exception>
    public Task<bool> StandsAsync(CancellationToken cancellationToken) => CheckAsync(checksArguments: true, cancellationToken);

    /// <summary>
    /// Checks the result of the declarations. Without the management API, it relies on the confirmation of each declaration.
    /// </summary>
    /// <exception cref="InvalidOperationException">The topology would lose messages.</exception>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        if (!await StandsAsync(cancellationToken))
        {
            throw new InvalidOperationException("A declared queue does not exist: something deletes it.");
        }

        if (management.IsKnown && await management.FindFaultsAsync(cancellationToken) is { Count: > 0 } faults)
        {
            throw new InvalidOperationException($"Messages would be lost: {string.Join("; ", faults)}.");
        }
    }

    private async Task<bool> CheckAsync(bool checksArguments, CancellationToken cancellationToken)
    {
        await using var connection = await connector.OpenAsync("processor-worker topology", cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            foreach (var queue in Topology.Queues.Keys)
            {
                await channel.QueueDeclarePassiveAsync(queue, cancellationToken);
                if (checksArguments)
                {
                    // The queue exists: declaring it again changes nothing, and fails if its arguments differ.
                    await DeclareQueueAsync(channel, queue, cancellationToken);
                }
            }
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            return false;
        }

        return true;
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
                $"{running} of {expected} broker nodes run. A queue declared now would have {running} replicas permanently; "
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

    private async Task<bool> AnswersAsync(BrokerAddress node, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await connector.OpenAsync(node, "processor-worker topology", cancellationToken);
            return true;
        }
        catch (BrokerUnreachableException)
        {
            return false;
        }
    }
}
