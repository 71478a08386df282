using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Broker;

/// <summary>
/// Publishes with the RabbitMQ client, on its own connection: with MassTransit, an outgoing message costs as much as the rest of an event.
/// After a failure the connection is disposed of; the next use opens a new one.
/// </summary>
internal sealed class BrokerPublisher(BrokerConnector connector, TimeProvider time) : IAsyncDisposable
{
    // The client waits 5 s for a connection that hangs.
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(6);

    private readonly SemaphoreSlim _turn = new(1);
    private IConnection? _connection;
    private IChannel? _channel;

    /// <summary>Connects unless already connected. Not thread-safe.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_channel is { IsOpen: true })
        {
            return;
        }

        await DisposeAsync();
        _connection = await connector.OpenAsync("processor-worker publisher", cancellationToken);
        // No limit on messages in flight: the default limit of the client would slow a chunk down.
        var confirms = new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
        _channel = await _connection.CreateChannelAsync(confirms, cancellationToken);
    }

    /// <summary>Connects unless already connected, and publishes; when that fails, closes the connection. Callers take turns.</summary>
    /// <param name="publish">Calls <see cref="PublishAsync"/>, as often as it likes.</param>
    /// <param name="limit">For the turn, the connection and the confirms together.</param>
    /// <exception cref="Exception">It is unknown what was published.</exception>
    public async Task UseAsync(Func<CancellationToken, Task> publish, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await _turn.WaitAsync(either.Token);
        try
        {
            await OpenAsync(either.Token);
            // WaitAsync, because publishing does not always honour its token.
            await publish(either.Token).WaitAsync(either.Token);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Returns when the broker has confirmed the message. Many publishes may run concurrently.</summary>
    /// <param name="trace">The span of the message, as a W3C <c>traceparent</c>; null when there is none.</param>
    /// <param name="mandatory">At least one queue must receive the message: a confirm alone does not guarantee that.</param>
    /// <exception cref="Exception">It is unknown whether the message was published.</exception>
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

    /// <summary>Closes the connection and ignores errors.</summary>
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
