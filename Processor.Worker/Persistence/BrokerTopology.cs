using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Processor.Worker.Persistence;

/// <summary>
/// The queues on the broker, by its own client: a queue that exists with other arguments is an error here, with the broker's words,
/// where MassTransit would reconnect for ever.
/// </summary>
internal sealed class BrokerTopology(IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options)
{
    private const ushort NotFound = 404;

    /// <summary>Declares every queue with its arguments, and the exchange that leads nowhere.</summary>
    /// <exception cref="OperationInterruptedException">A queue exists with other arguments (406), or the user may not declare it (403).</exception>
    public async Task DeclareAsync(CancellationToken cancellationToken)
    {
        await RequireExpectedNodesAsync(cancellationToken);
        await using var connection = await BrokerConnection.OpenAsync(connections.Value, "processor-worker topology", cancellationToken);
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

    private static Task<QueueDeclareOk> DeclareQueueAsync(IChannel channel, string queue, CancellationToken cancellationToken) =>
        channel.QueueDeclareAsync(
            queue, durable: true, exclusive: false, autoDelete: false,
            Topology.Queues[queue].ToDictionary(argument => argument.Key, argument => (object?)argument.Value),
            cancellationToken: cancellationToken);

    private async Task RequireExpectedNodesAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ManagementUrl is not { } management)
        {
            return;
        }

        var address = BrokerAddress.Parse(connections.Value.RabbitMq);
        using var http = new HttpClient { BaseAddress = management, Timeout = TimeSpan.FromSeconds(10) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{address.User}:{address.Password}")));
        using var nodes = JsonDocument.Parse(await http.GetStringAsync("api/nodes", cancellationToken));
        var running = nodes.RootElement.EnumerateArray().Count(node => node.GetProperty("running").GetBoolean());
        if (running < options.Value.ExpectedNodes)
        {
            throw new InvalidOperationException(
                $"{running} of {options.Value.ExpectedNodes} broker nodes run. A queue declared now would have {running} replicas for ever; "
                + "wait for the others, or lower Broker__ExpectedNodes.");
        }
    }
}
