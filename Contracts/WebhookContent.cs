using System.Text.Json;

namespace Platform.Contracts;

/// <summary>
/// The fields that make a signed body an event: its type and its job. The ingress uses it to decide what to publish, and the worker to
/// decide which quarantined bodies to release. Only the worker reads the other fields of a body.
/// </summary>
/// <param name="EventType">The sender's <c>type</c>; empty when there is none.</param>
/// <param name="JobId">The sender's <c>payload.id</c>; empty when it is missing or unusable.</param>
/// <param name="Status">The sender's <c>payload.status</c>, for the log; empty when there is none.</param>
/// <param name="Reason">Why it is not a usable event, one of <see cref="QuarantineReasons"/>; null when it is usable.</param>
public sealed record WebhookContent(string EventType, string JobId, string Status, string? Reason)
{
    /// <summary>Longest job id in characters: of <c>payload.id</c>, and wherever else a job is named.</summary>
    public const int MaxIdLength = 200;

    private const int MaxTypeLength = 100;

    // Duplicate keys in one object: readers differ in which one they use, and an attacker could exploit that.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The body is not recognisable as an event. The sender's guide answers 400.</summary>
    public bool IsNotAnEvent => Reason is QuarantineReasons.NotJson or QuarantineReasons.NoType;

    /// <summary>Reads a body. Never throws for its content: an unusable body gets a <see cref="Reason"/>.</summary>
    /// <param name="body">The bytes as they were signed.</param>
    public static WebhookContent Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonText.Parse(body, Strict);
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return Unusable(QuarantineReasons.NotJson);
        }
    }

    private static WebhookContent Read(JsonElement root)
    {
        if (Text(root, "type") is not { } type)
        {
            return Unusable(QuarantineReasons.NoType);
        }

        if (type.Length > MaxTypeLength)
        {
            return Unusable(QuarantineReasons.TypeTooLong);
        }

        // Older pages of the sender's guide call the payload "object".
        if ((Object(root, "payload") ?? Object(root, "object")) is not { } payload)
        {
            return Unusable(QuarantineReasons.NoPayload, type);
        }

        var status = Text(payload, "status") ?? "";
        return Text(payload, "id") switch
        {
            null or "" => Unusable(QuarantineReasons.NoId, type, status),
            { Length: > MaxIdLength } => Unusable(QuarantineReasons.IdTooLong, type, status),
            // Ids are not repaired as names are: different ids could become one job, and no URL could contain the id as sent.
            var id when id.Contains(JsonText.Replacement, StringComparison.Ordinal) => Unusable(QuarantineReasons.IdUnreadable, type, status),
            var id => new WebhookContent(type, id, status, null),
        };
    }

    private static WebhookContent Unusable(string reason, string type = "", string status = "") => new(type, "", status, reason);

    private static JsonElement? Object(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var member) && member.ValueKind is JsonValueKind.Object ? member : null;

    private static string? Text(JsonElement parent, string name) =>
        parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var member) && member.ValueKind is JsonValueKind.String
            ? JsonText.Read(member)
            : null;
}
