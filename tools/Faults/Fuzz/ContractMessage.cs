using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Platform.Faults.Fuzz;

/// <summary>A message of a contract, well-formed or malformed, as any program might publish it.</summary>
/// <param name="Contract">The name of the contract.</param>
/// <param name="MessageId">The AMQP message id; unique regardless of the envelope.</param>
/// <param name="What">Its defect.</param>
/// <param name="ContentType">The AMQP content type; null when there is none.</param>
public sealed record ContractMessage(string Contract, Guid MessageId, string What, string? ContentType, ReadOnlyMemory<byte> Content)
{
    /// <summary>The envelope's message id, which the inbox stores once the message is applied.</summary>
    public required Guid InboxId { get; init; }

    /// <summary>The AMQP headers.</summary>
    public Dictionary<string, object?>? Headers { get; init; }

    /// <summary>The job it would register; null for other contracts or without a usable job id.</summary>
    public string? Registers { get; init; }

    /// <summary>The source it would report about; null for other contracts or without a usable source.</summary>
    public long? Reports { get; init; }

    /// <summary>Reports share the exchange of the events.</summary>
    public string Exchange => $"Platform.Contracts:{(Contract == nameof(PublishesConfirmed) ? nameof(WebhookReceived) : Contract)}";

    public override string ToString() => $"{Contract} {MessageId}: {What}";
}

/// <summary>A well-formed message as raw JSON whose parts can be replaced.</summary>
internal sealed class ContractDraft
{
    public static readonly string[] Contracts = [nameof(WebhookReceived), nameof(WebhookQuarantined), nameof(RegisterJob), nameof(PublishesConfirmed)];

    private readonly string _contract;
    private readonly Guid _messageId = Guid.NewGuid();
    private readonly string _jobId = MagicHourEvent.NewJobId();

    public ContractDraft(string contract)
    {
        _contract = contract;
        Message = contract switch
        {
            nameof(WebhookReceived) => Received(),
            nameof(WebhookQuarantined) => Quarantined(),
            nameof(RegisterJob) => Registration(),
            _ => Report(),
        };
        Envelope = new Dictionary<string, string>
        {
            ["messageId"] = Quote($"{_messageId}"),
            ["messageType"] = $"[{Quote($"urn:message:Platform.Contracts:{contract}")}]",
            ["sentTime"] = Quote($"{Now:O}"),
        };
    }

    /// <summary>Raw JSON values by property name, which is raw JSON too.</summary>
    public Dictionary<string, string> Message { get; }

    /// <inheritdoc cref="Message"/>
    public Dictionary<string, string> Envelope { get; }

    /// <summary>Replaces <see cref="Message"/>.</summary>
    public string? MessageInstead { get; set; }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public ContractMessage Build(string what) => BuildAs(what, Platform.Contracts.Envelope.ContentType);

    public ContractMessage BuildAs(string what, string contentType) => Build(what, Encoding.UTF8.GetBytes(Render()), contentType);

    /// <param name="content">Replaces the envelope.</param>
    public ContractMessage Build(string what, byte[] content, string? contentType = Platform.Contracts.Envelope.ContentType) =>
        new(_contract, _messageId, what, contentType, content)
        {
            InboxId = Guid.TryParse(Read<string>(Envelope, "messageId"), out var id) ? id : _messageId,
            Registers = _contract == nameof(RegisterJob) ? Read<string>(Message, "jobId") : null,
            Reports = _contract == nameof(PublishesConfirmed) ? Read<long?>(Message, "source") : null,
        };

    private string Render() => Object([.. Envelope, new("message", MessageInstead ?? Object(Message))]);

    private static T? Read<T>(Dictionary<string, string> part, string name)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(part.GetValueOrDefault(name, "null"));
        }
        catch (JsonException)
        {
            return default;
        }
    }

    private Dictionary<string, string> Received()
    {
        var body = Encoding.UTF8.GetBytes($$"""{"type":"video.completed","payload":{"id":"{{_jobId}}"} }""");
        return new(Delivery(body))
        {
            ["eventId"] = Quote($"{EventIdentity.Create("video.completed", _jobId)}"),
            ["eventType"] = Quote("video.completed"),
            ["jobId"] = Quote(_jobId),
            ["late"] = "false",
            ["origin"] = Quote(Origins.Live),
        };
    }

    private Dictionary<string, string> Quarantined() =>
        new(Delivery(Encoding.UTF8.GetBytes(_jobId))) { ["reason"] = Quote(QuarantineReasons.NotJson) };

    private Dictionary<string, string> Registration() => new()
    {
        ["jobId"] = Quote(_jobId),
        ["resource"] = Quote("video"),
        ["userId"] = Quote("ada"),
        ["email"] = "null",
        ["webhookUrl"] = "null",
        ["registeredAt"] = Quote($"{Now:O}"),
    };

    private static Dictionary<string, string> Report() => new()
    {
        ["source"] = $"{Random.Shared.NextInt64(1, 1L << 60)}",
        ["instance"] = Quote("ingress"),
        ["startedAt"] = Quote($"{Now:O}"),
        ["reportedAt"] = Quote($"{Now:O}"),
        ["after"] = "0",
        ["through"] = "5",
        ["unconfirmed"] = """[{"first":2,"last":3}]""",
        ["answers"] = """{"accepted":3,"late":0,"quarantined":0,"refused":1,"unavailable":2}""",
    };

    private static Dictionary<string, string> Delivery(byte[] body) => new()
    {
        ["deliveryId"] = Quote($"{Guid.NewGuid()}"),
        ["receivedAt"] = Quote($"{Now:O}"),
        ["sentAt"] = Quote($"{Now:O}"),
        ["secretName"] = Quote("0"),
        ["body"] = Quote(Convert.ToBase64String(body)),
        ["bodySha256"] = Quote(Convert.ToHexStringLower(SHA256.HashData(body))),
    };

    private static string Object(IEnumerable<KeyValuePair<string, string>> members) =>
        $"{{{string.Join(',', members.Select(member => $"\"{member.Key}\":{member.Value}"))}}}";

    private static string Quote(string text) => $"\"{text}\"";
}
