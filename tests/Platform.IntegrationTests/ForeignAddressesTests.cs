using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using RabbitMQ.Client;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// Messages with response and fault addresses. MassTransit would declare and send to whatever they name, with the worker's permissions.
/// </summary>
public sealed class ForeignAddressesTests(ServersFixture servers)
{
    private const string Foreign = "foreign";

    private static readonly string[] Contracts = [nameof(WebhookReceived), nameof(WebhookQuarantined), nameof(RegisterJob)];

    /// <summary>Null omits the type. MassTransit reads an unknown type as its default.</summary>
    private static readonly string?[] ContentTypes = [Envelope.ContentType, "application/json", "application/vnd.masstransit+xml", "text/plain", null];

    [Fact]
    public async Task The_worker_neither_declares_nor_sends_to_what_a_message_names()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var worker = await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        var before = await ListAsync(platform);

        await PublishAllAsync(platform.RabbitMq);
        await platform.CountAsync(ContentTypes.Length, "select count(*) from webhook_events");
        await platform.CountAsync(ContentTypes.Length, "select count(*) from quarantined_events");
        await platform.CountAsync(ContentTypes.Length, "select count(*) from job_registrations");
        await WaitForAsync(platform, Topology.ErrorQueue, 4 * ContentTypes.Length);
        await WaitForAsync(platform, Topology.RegisterJobErrorQueue, 2 * ContentTypes.Length);
        await WaitForAsync(platform, Topology.SkippedQueue, ContentTypes.Length);
        await worker.StopAsync(Cancel);

        Assert.Equal(before, await ListAsync(platform));
        // Nothing transient either, with both services running: RabbitMQ 4.3 refuses it.
        Assert.Equal(
            Topology.Queues.Keys.Select(queue => $"queue {queue} durable").Order(StringComparer.Ordinal),
            before.Where(line => line.StartsWith("queue ", StringComparison.Ordinal)));
    }

    private static async Task<IReadOnlyList<string>> ListAsync(TestPlatform platform)
    {
        var queues = await platform.OwnBroker.ControlAsync(Cancel, "-q", "--no-table-headers", "list_queues", "name", "durable");
        var exchanges = await platform.OwnBroker.ControlAsync(Cancel, "-q", "--no-table-headers", "list_exchanges", "name");
        return
        [
            .. Lines("queue", queues.Replace("\ttrue", " durable", StringComparison.Ordinal)).Concat(Lines("exchange", exchanges)).Order(StringComparer.Ordinal),
        ];

        static IEnumerable<string> Lines(string kind, string output) =>
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(name => $"{kind} {name}");
    }

    private static async Task PublishAllAsync(string uri)
    {
        var factory = new ConnectionFactory { Uri = new Uri(uri) };
        await using var connection = await factory.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancel);
        foreach (var contentType in ContentTypes)
        {
            foreach (var contract in Contracts)
            {
                await PublishAsync(channel, contract, contract, contentType, Message(contract));
                // A consumer rejects the first; the second cannot be read as the contract.
                await PublishAsync(channel, contract, contract, contentType, UnusableMessage(contract));
                await PublishAsync(channel, contract, contract, contentType, "17");
            }

            await PublishAsync(channel, nameof(WebhookReceived), "OfNoOne", contentType, Message(nameof(WebhookReceived)));
        }
    }

    private static async Task PublishAsync(IChannel channel, string exchange, string messageType, string? contentType, string message)
    {
        var messageId = Guid.NewGuid();
        string[] addresses = [$"rabbitmq://127.0.0.1/{Foreign}-response?bind=true", $"queue:{Foreign}-fault", $"exchange:{Foreign}-exchange"];
        var envelope =
            $$"""
            {"messageId":"{{messageId}}","requestId":"{{Guid.NewGuid()}}","messageType":["urn:message:Platform.Contracts:{{messageType}}"],
            "responseAddress":"{{addresses[0]}}","faultAddress":"{{addresses[1]}}","sourceAddress":"{{addresses[2]}}",
            "headers":{"MT-Fault-Address":"{{addresses[1]}}","MT-Response-Address":"{{addresses[0]}}"},"message":{{message}}}
            """;
        var properties = new BasicProperties
        {
            MessageId = $"{messageId}",
            ReplyTo = $"{Foreign}-reply",
            Headers = new Dictionary<string, object?>
            {
                ["MT-Fault-Address"] = addresses[1],
                ["MT-Response-Address"] = addresses[0],
                ["MT-Request-Id"] = $"{Guid.NewGuid()}",
            },
        };
        if (contentType is not null)
        {
            properties.ContentType = contentType;
        }

        await channel.BasicPublishAsync($"Platform.Contracts:{exchange}", "", mandatory: true, properties, Encoding.UTF8.GetBytes(envelope), Cancel);
    }

    private static string Message(string contract)
    {
        var jobId = MagicHourEvent.NewJobId();
        var body = Encoding.UTF8.GetBytes($$"""{"type":"video.completed","payload":{"id":"{{jobId}}"} }""");
        var delivery = new
        {
            DeliveryId = Guid.NewGuid(),
            ReceivedAt = TimeProvider.System.GetUtcNow(),
            SentAt = TimeProvider.System.GetUtcNow(),
            SecretName = "0",
            Body = body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body)),
        };
        return contract switch
        {
            nameof(RegisterJob) => Json(Messages.Register(jobId, "ada@example.com", null)),
            nameof(WebhookQuarantined) => Json(new { delivery.DeliveryId, delivery.ReceivedAt, delivery.SentAt, delivery.SecretName, delivery.Body, delivery.BodySha256, Reason = QuarantineReasons.NotJson }),
            _ => Json(new
            {
                delivery.DeliveryId,
                delivery.ReceivedAt,
                delivery.SentAt,
                delivery.SecretName,
                delivery.Body,
                delivery.BodySha256,
                EventId = EventIdentity.Create("video.completed", jobId),
                EventType = "video.completed",
                JobId = jobId,
                Late = false,
                Origin = Origins.Live,
            }),
        };
    }

    private static string UnusableMessage(string contract) => contract == nameof(RegisterJob)
        ? Json(Messages.Register(MagicHourEvent.NewJobId(), "not an address", null))
        : """{"body":"!"}""";

    private static string Json(object message) => JsonSerializer.Serialize(message, JsonSerializerOptions.Web);

    private static Task WaitForAsync(TestPlatform platform, string queue, int count) =>
        Waiting.UntilAsync($"{count} in {queue}", async () => await platform.Broker.CountAsync(queue, Cancel) == count, Cancel);
}
