using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Events;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Processor.Worker.Release;

/// <summary>
/// A queue of parked messages, read with the broker's own client, so that a message is released byte for byte, whatever its content.
/// Messages that are kept are never acknowledged: they return to their queue when the channel closes.
/// </summary>
internal sealed class ParkedQueue : IParkingPlace<ParkedDelivery>, IAsyncDisposable
{
    /// <summary>Messages in memory at once; each may be as large as the largest webhook.</summary>
    private const int ChunkSize = 100;

    /// <summary>
    /// Reading a message without acknowledging it counts as a failed delivery. The dead-letter queue has no delivery limit of its own, so
    /// RabbitMQ 4 drops a message there at the 21st. A message returned this often is replaced by a copy, whose count starts at zero.
    /// </summary>
    private const int MaxReturns = 10;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly string _front;
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly NpgsqlDataSource _database;
    private readonly TimeProvider _time;
    private bool _hasKept;

    private ParkedQueue(string name, string front, IConnection connection, IChannel channel, NpgsqlDataSource database, TimeProvider time) =>
        (Name, _front, _connection, _channel, _database, _time) = (name, front, connection, channel, database, time);

    public string Name { get; }

    /// <param name="front">The queue to which messages are released.</param>
    public static async Task<ParkedQueue> OpenAsync(
        string name, string front, BrokerConnector connector, NpgsqlDataSource database, TimeProvider time, CancellationToken cancellationToken)
    {
        var connection = await connector.OpenAsync("processor-worker release", cancellationToken);
        // No limit by the client: a chunk already bounds the confirms in flight.
        var confirms = new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
        try
        {
            return new ParkedQueue(name, front, connection, await connection.CreateChannelAsync(confirms, cancellationToken), database, time);
        }
        catch
        {
            await CloseAsync(connection);
            throw;
        }
    }

    public async Task<long> CountAsync(CancellationToken cancellationToken) =>
        (await _channel.QueueDeclarePassiveAsync(Name, cancellationToken)).MessageCount;

    public async IAsyncEnumerable<IReadOnlyList<ParkedDelivery>> ReadAsync(long count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var left = count; left > 0;)
        {
            var chunk = await TakeAsync((ushort)Math.Min(left, ChunkSize), cancellationToken);
            if (chunk.Count == 0)
            {
                yield break;
            }

            left -= chunk.Count;
            yield return chunk;
        }
    }

    public async Task PublishAsync(ParkedDelivery message, CancellationToken cancellationToken)
    {
        using var activity = ProcessorTraces.StartRelease(message.Headers.Trace);
        var headers = message.Headers.AsPublished();
        if (activity is not null)
        {
            headers[Envelope.TraceHeader] = activity.Id;
        }

        await PublishAsync(message, _front, headers, cancellationToken);
    }

    public async Task SettleAsync(IReadOnlyList<ParkedDelivery> released, IReadOnlyList<ParkedDelivery> kept, CancellationToken cancellationToken)
    {
        var tired = kept.Where(message => message.Headers.Returns >= MaxReturns).ToArray();
        await Task.WhenAll(tired.Select(message => PublishAsync(message, Name, message.Headers.WithoutReturns(), cancellationToken)));
        ParkedDelivery[] done = [.. released, .. tired];
        _hasKept |= kept.Count > tired.Length;
        if (!_hasKept && done.Length > 0)
        {
            // A quorum queue holds back acknowledgements beyond 32, and forgets them when the channel closes (rabbitmq-server#10327). Where
            // messages are kept, that is possible: some released ones return, and releasing them again has no effect.
            await _channel.BasicAckAsync(done.Max(message => message.DeliveryTag), multiple: true, cancellationToken);
            return;
        }

        foreach (var message in done)
        {
            await _channel.BasicAckAsync(message.DeliveryTag, multiple: false, cancellationToken);
        }
    }

    public async Task DiscardAsync(IReadOnlyList<ParkedDelivery> discarded, IReadOnlyList<ParkedDelivery> kept, CancellationToken cancellationToken)
    {
        await using var batch = _database.CreateBatch();
        var now = _time.GetUtcNow();
        batch.BatchCommands.Add(QuarantinedEvent.InsertDiscarded([.. discarded.Select(message => message.ToQuarantined(now))], now));
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await SettleAsync(discarded, kept, cancellationToken);
    }

    public async ValueTask DisposeAsync() => await CloseAsync(_connection);

    private static Task CloseAsync(IConnection connection) =>
        connection.CloseAsync(Constants.ReplySuccess, "Goodbye", CloseTimeout, abort: true, CancellationToken.None);

    /// <summary>
    /// The next messages of the queue; fewer than requested if it has no more. Each chunk uses a new consumer: unacknowledged messages fill
    /// a consumer's prefetch window, and stay with this channel after the consumer is cancelled.
    /// </summary>
    private async Task<IReadOnlyList<ParkedDelivery>> TakeAsync(ushort count, CancellationToken cancellationToken)
    {
        var deliveries = Channel.CreateUnbounded<ParkedDelivery>();
        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += (_, delivery) => deliveries.Writer.WriteAsync(ParkedDelivery.From(delivery), CancellationToken.None).AsTask();
        consumer.UnregisteredAsync += (_, _) => CompleteAsync(deliveries.Writer);
        consumer.ShutdownAsync += (_, _) => CompleteAsync(deliveries.Writer);
        await _channel.BasicQosAsync(prefetchSize: 0, count, global: false, cancellationToken);
        var tag = await _channel.BasicConsumeAsync(Name, autoAck: false, consumer, cancellationToken);

        var chunk = new List<ParkedDelivery>(count);
        while (chunk.Count < count && await AnotherComesAsync(deliveries.Reader, cancellationToken))
        {
            chunk.Add(await deliveries.Reader.ReadAsync(cancellationToken));
        }

        await _channel.BasicCancelAsync(tag, cancellationToken: cancellationToken);
        // The client hands over deliveries later than answers: more may have arrived before the broker cancelled the consumer.
        await foreach (var delivery in deliveries.Reader.ReadAllAsync(cancellationToken))
        {
            chunk.Add(delivery);
        }

        return chunk;
    }

    private static Task CompleteAsync(ChannelWriter<ParkedDelivery> deliveries)
    {
        deliveries.TryComplete();
        return Task.CompletedTask;
    }

    /// <summary>False when the queue is empty, for example because another release took the rest.</summary>
    private async Task<bool> AnotherComesAsync(ChannelReader<ParkedDelivery> deliveries, CancellationToken cancellationToken)
    {
        var comes = deliveries.WaitToReadAsync(cancellationToken).AsTask();
        while (!comes.IsCompleted)
        {
            await Task.WhenAny(comes, Task.Delay(Quiet, _time, cancellationToken));
            if (!comes.IsCompleted && await CountAsync(cancellationToken) == 0)
            {
                return false;
            }
        }

        return await comes;
    }

    private async Task PublishAsync(ParkedDelivery message, string queue, Dictionary<string, object?> headers, CancellationToken cancellationToken)
    {
        // Clears the user id: the broker accepts a user's name only from that user's own connection.
        var properties = new BasicProperties(message.Properties) { Headers = headers, Persistent = true, UserId = null };
        await _channel.BasicPublishAsync(exchange: "", routingKey: queue, mandatory: true, properties, message.Body, cancellationToken);
    }
}
