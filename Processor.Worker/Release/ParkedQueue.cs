using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Platform.Contracts;
using Processor.Worker.Persistence;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Processor.Worker.Release;

/// <summary>
/// A queue of parked messages, by the broker's own client: what goes back is the message that was parked, byte for byte, whatever it
/// is. What is kept is never acknowledged, and is in its queue again when the channel closes.
/// </summary>
internal sealed class ParkedQueue : IParkingPlace<ParkedDelivery>, IAsyncDisposable
{
    /// <summary>Messages in memory at once; each may be as large as the largest webhook.</summary>
    private const int ChunkSize = 100;

    /// <summary>
    /// Being looked at counts as a delivery that failed, and RabbitMQ 4 drops a message of the dead letters, which have no limit of
    /// their own, at the 21st. What has come back this often is put back as a copy, which has not come back at all.
    /// </summary>
    private const int MaxReturns = 10;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly TimeProvider _time;

    private ParkedQueue(string name, IConnection connection, IChannel channel, TimeProvider time) =>
        (Name, _connection, _channel, _time) = (name, connection, channel, time);

    public string Name { get; }

    public static async Task<ParkedQueue> OpenAsync(string name, ConnectionOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var connection = await BrokerConnection.OpenAsync(options, "processor-worker release", cancellationToken);
        // A chunk is all that is in flight: the client's own limit would slow it down.
        var confirms = new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
        return new ParkedQueue(name, connection, await connection.CreateChannelAsync(confirms, cancellationToken), time);
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

        await PublishAsync(message, Topology.WebhookReceivedQueue, headers, cancellationToken);
    }

    public async Task SettleAsync(IReadOnlyList<ParkedDelivery> released, IReadOnlyList<ParkedDelivery> kept, CancellationToken cancellationToken)
    {
        var tired = kept.Where(message => message.Headers.Returns >= MaxReturns).ToArray();
        await Task.WhenAll(tired.Select(message => PublishAsync(message, Name, message.Headers.WithoutReturns(), cancellationToken)));
        foreach (var message in released.Concat(tired))
        {
            await _channel.BasicAckAsync(message.DeliveryTag, multiple: false, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync() =>
        await _connection.CloseAsync(Constants.ReplySuccess, "Goodbye", CloseTimeout, abort: true, CancellationToken.None);

    /// <summary>
    /// The next messages of the queue; fewer than asked for when it has no more. By a consumer of their own: what is kept fills the
    /// window of the consumer that it came to, and stays ours when that is cancelled.
    /// </summary>
    private async Task<IReadOnlyList<ParkedDelivery>> TakeAsync(ushort count, CancellationToken cancellationToken)
    {
        var deliveries = Channel.CreateUnbounded<ParkedDelivery>();
        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += (_, delivery) => deliveries.Writer.WriteAsync(ParkedDelivery.Of(delivery), CancellationToken.None).AsTask();
        await _channel.BasicQosAsync(prefetchSize: 0, count, global: false, cancellationToken);
        var tag = await _channel.BasicConsumeAsync(Name, autoAck: false, consumer, cancellationToken);

        var chunk = new List<ParkedDelivery>(count);
        while (chunk.Count < count && await AnotherComesAsync(deliveries.Reader, cancellationToken))
        {
            chunk.Add(await deliveries.Reader.ReadAsync(cancellationToken));
        }

        await _channel.BasicCancelAsync(tag, cancellationToken: cancellationToken);
        return chunk;
    }

    /// <summary>False when the queue is empty: another release may have been faster.</summary>
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

        return true;
    }

    private async Task PublishAsync(ParkedDelivery message, string queue, Dictionary<string, object?> headers, CancellationToken cancellationToken)
    {
        var properties = new BasicProperties(message.Properties) { Headers = headers, Persistent = true };
        await _channel.BasicPublishAsync(exchange: "", routingKey: queue, mandatory: true, properties, message.Body, cancellationToken);
    }
}
