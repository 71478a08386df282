using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Persistence;

/// <summary>
/// Publishes by the broker's own client, on a connection of its own: by MassTransit an outgoing message costs as much as all the rest of
/// an event. After a failure it is disposed of; the next use opens a new connection.
/// </summary>
internal sealed class BrokerPublisher(IOptions<ConnectionOptions> connections, TimeProvider time) : IAsyncDisposable
{
    // The client takes 5 s for a connection that hangs.
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(6);

    private IConnection? _connection;
    private IChannel? _channel;

    /// <summary>Connects, if there is no connection. Not for two callers at once.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_channel is { IsOpen: true })
        {
            return;
        }

        await DisposeAsync();
        _connection = await BrokerConnection.OpenAsync(connections.Value, "processor-worker publisher", cancellationToken);
        // As many are in flight as the caller likes: the client's own limit would slow a chunk down.
        var confirms = new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
        _channel = await _connection.CreateChannelAsync(confirms, cancellationToken);
    }

    /// <summary>Returns when the broker has confirmed the message. Many may be under way.</summary>
    /// <param name="trace">The span that the message belongs to, in the form of the W3C's <c>traceparent</c>; null when there is none.</param>
    /// <param name="mandatory">Some queue must take it: a confirm alone does not mean that one has.</param>
    /// <exception cref="Exception">It is published, or it is not.</exception>
    public async Task PublishAsync(Envelope message, string? trace, bool mandatory, CancellationToken cancellationToken)
    {
        var channel = _channel ?? throw new InvalidOperationException("Not opened.");
        var properties = new BasicProperties
        {
            MessageId = message.MessageId.ToString(),
            ContentType = Envelope.ContentType,
            DeliveryMode = DeliveryModes.Persistent,
            Headers = trace is null ? null : new Dictionary<string, object?> { [Envelope.TraceHeader] = trace },
        };
        await channel.BasicPublishAsync(message.Exchange, routingKey: "", mandatory, properties, message.Content, cancellationToken);
    }

    /// <summary>Closes the connection, well or not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection is not { } connection)
        {
            return;
        }

        (_connection, _channel) = (null, null);
        await connection.CloseAsync(Constants.ReplySuccess, "Goodbye", CloseTimeout / 2, abort: true, CancellationToken.None)
            .WaitAsync(CloseTimeout, time, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
