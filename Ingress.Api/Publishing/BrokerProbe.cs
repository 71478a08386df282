using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Finds out whether the broker accepts messages on one connection. Every second it checks that the queue exists and publishes a canary
/// along the path of the messages; between probes, the broker announces when it blocks the connection.
/// </summary>
internal sealed class BrokerProbe(IConnection connection, BrokerHealth broker, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    private volatile bool _isBlocked;

    /// <summary>Probes until cancelled.</summary>
    /// <exception cref="Exception">A probe failed or was not answered in time.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        connection.ConnectionBlockedAsync += OnBlockedAsync;
        connection.ConnectionUnblockedAsync += OnUnblockedAsync;
        try
        {
            var confirms = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
            var channel = await connection.CreateChannelAsync(confirms, cancellationToken);
            channel.ContinuationTimeout = Timeout;
            for (; ; await Task.Delay(Interval, time, cancellationToken))
            {
                await ProbeAsync(channel, cancellationToken);
            }
        }
        finally
        {
            // From here on, events of this connection must not change the state of the next one.
            connection.ConnectionBlockedAsync -= OnBlockedAsync;
            connection.ConnectionUnblockedAsync -= OnUnblockedAsync;
        }
    }

    private async Task ProbeAsync(IChannel channel, CancellationToken cancellationToken)
    {
        // The client does not read from a blocked connection, so no answer arrives until the broker unblocks it.
        if (!_isBlocked)
        {
            await PublishCanaryAsync(channel, cancellationToken).WaitAsync(Timeout, time, cancellationToken);
            broker.QueueSeen();
        }

        // Check again: the message that causes the broker to block is itself confirmed.
        var isBlocked = _isBlocked;
        if (isBlocked && !connection.IsOpen)
        {
            throw new BrokerUnreachableException(new IOException("The connection was closed while it was blocked."));
        }

        broker.TransitionTo(isBlocked ? BrokerState.Blocked : BrokerState.Available);
    }

    private static async Task PublishCanaryAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, cancellationToken);
        // Under an alarm, the broker stops reading only from connections that publish.
        await channel.BasicPublishAsync(Topology.CanaryExchange, routingKey: "", body: ReadOnlyMemory<byte>.Empty, cancellationToken);
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs args)
    {
        _isBlocked = true;
        broker.TransitionTo(BrokerState.Blocked);
        return Task.CompletedTask;
    }

    private Task OnUnblockedAsync(object sender, AsyncEventArgs args)
    {
        _isBlocked = false;
        return Task.CompletedTask;
    }
}
