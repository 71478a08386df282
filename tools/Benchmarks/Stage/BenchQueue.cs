using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Load;
using Platform.Contracts;
using Platform.DevStack;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Stage;

/// <summary>The bench's access to the broker: purges, fills and inspects the queue.</summary>
internal sealed class BenchQueue : IAsyncDisposable
{
    private const string Subscriber = "bench-subscriber";
    private const int PublishesInFlight = 1000;

    private static readonly string Exchange = ExchangeOf<WebhookReceived>();

    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private EnvelopeTemplate? _envelope;

    private BenchQueue(IConnection connection, IChannel channel) => (_connection, _channel) = (connection, channel);

    public string Version => Encoding.UTF8.GetString((byte[])_connection.ServerProperties!["version"]!);

    public static async Task<BenchQueue> ConnectAsync(string rabbitMq, CancellationToken cancellationToken)
    {
        var connection = await new ConnectionFactory { Uri = new Uri(rabbitMq) }.CreateConnectionAsync("bench", cancellationToken);
        return new BenchQueue(connection, await connection.CreateChannelAsync(cancellationToken: cancellationToken));
    }

    /// <summary>Uses the only message in the queue as the template for all others.</summary>
    public async Task TakeModelAsync(string envelopeFile, CancellationToken cancellationToken)
    {
        BasicGetResult? message = null;
        await Waiting.UntilAsync(
            "a message from the ingress",
            async () => (message = await _channel.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: true, cancellationToken)) is not null,
            cancellationToken);
        _envelope = EnvelopeTemplate.Save(message!, envelopeFile);
    }

    /// <summary>
    /// Adds one subscriber to the domain events, so that publishing has its full cost: routing, and a quorum queue that writes to disk before
    /// the confirm.
    /// </summary>
    public async Task SubscribeAsync(CancellationToken cancellationToken)
    {
        await _channel.QueueDeclareAsync(
            Subscriber, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: cancellationToken);
        foreach (var exchange in new[] { ExchangeOf<JobStarted>(), ExchangeOf<JobCompleted>(), ExchangeOf<JobFailed>(), ExchangeOf<JobCanceled>() })
        {
            await _channel.QueueBindAsync(Subscriber, exchange, "", cancellationToken: cancellationToken);
        }
    }

    public async Task PurgeAsync(CancellationToken cancellationToken)
    {
        await _channel.QueuePurgeAsync(Topology.WebhookReceivedQueue, cancellationToken);
        await _channel.QueuePurgeAsync(Subscriber, cancellationToken);
    }

    /// <summary>The number of ready messages.</summary>
    public async Task<uint> CountReadyAsync(CancellationToken cancellationToken) =>
        (await _channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, cancellationToken)).MessageCount;

    /// <summary>Fills the queue with messages as the ingress publishes them, each of a distinct event.</summary>
    /// <param name="sampled">The share of messages whose traces are sampled, evenly spread; the consumer follows their decision.</param>
    /// <param name="isNumbered">The messages are numbered for the accounting, as those of one ingress.</param>
    public async Task PreloadAsync(SampleEvents events, int messages, double sampled, bool isNumbered, CancellationToken cancellationToken)
    {
        var source = PublishNumber.NewSource();
        var confirms = new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, new ThrottlingRateLimiter(PublishesInFlight));
        await using var channel = await _connection.CreateChannelAsync(confirms, cancellationToken);
        foreach (var chunk in Enumerable.Range(0, messages).Chunk(PublishesInFlight))
        {
            await Task.WhenAll(chunk.Select(index => PublishAsync(channel, AsReceived(events[index], DeliveryId(index)), IsSampled(index), cancellationToken)));
        }

        Guid DeliveryId(int index) => isNumbered ? new PublishNumber(source, index + 1).ToDeliveryId() : Guid.CreateVersion7();

        bool IsSampled(int index) => Math.Floor((index + 1) * sampled) > Math.Floor(index * sampled);
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }

    // MassTransit's name for the exchange of a message.
    private static string ExchangeOf<T>() => $"{typeof(T).Namespace}:{typeof(T).Name}";

    private Task PublishAsync(IChannel channel, WebhookReceived message, bool isSampled, CancellationToken cancellationToken)
    {
        var envelope = _envelope ?? throw new InvalidOperationException("There is no envelope template yet.");
        var properties = envelope.Properties(message);
        properties.Headers![Envelope.TraceHeader] = Trace(isSampled);
        return channel.BasicPublishAsync(Exchange, "", mandatory: true, properties, envelope.Render(message), cancellationToken).AsTask();
    }

    // In the format of W3C traceparent.
    private static string Trace(bool isSampled) =>
        $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-{(isSampled ? "01" : "00")}";

    private static WebhookReceived AsReceived(SampleEvent sample, Guid deliveryId)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new WebhookReceived
        {
            EventId = EventIdentity.Create(sample.Type, sample.JobId),
            EventType = sample.Type,
            JobId = sample.JobId,
            DeliveryId = deliveryId,
            ReceivedAt = now,
            SentAt = now,
            Late = false,
            Origin = Origins.Live,
            SecretName = "0",
            Body = sample.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(sample.Body)),
        };
    }
}
