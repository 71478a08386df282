using System.Text.Json;
using System.Text.Unicode;

namespace Platform.Contracts;

/// <summary>
/// What makes a signed body an event: its type and its job. The ingress decides by it what to publish, and the worker what it may
/// release of that which was quarantined; what else a body says is for the worker alone.
/// </summary>
/// <param name="EventType">The sender's <c>type</c>; empty when there is none.</param>
/// <param name="JobId">The sender's <c>payload.id</c>; empty when there is none that can be used.</param>
/// <param name="Status">The sender's <c>payload.status</c>, for the log; empty when there is none.</param>
/// <param name="Reason">Why it is not a usable event, one of <see cref="QuarantineReasons"/>; null when it is one.</param>
public sealed record WebhookContent(string EventType, string JobId, string Status, string? Reason)
{
    /// <summary>The most characters of a job's id: <c>payload.id</c>, and whoever else names a job.</summary>
    public const int MaxIdLength = 200;

    private const int MaxTypeLength = 100;

    // A key twice in one object: which of the two is meant depends on the reader, and an attacker would choose.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Not even recognisable as an event: the sender's guide answers 400.</summary>
    public bool IsNotAnEvent => Reason is QuarantineReasons.NotJson or QuarantineReasons.NoType;

    /// <summary>Reads a body; whatever it holds, the answer is a content with or without a <see cref="Reason"/>.</summary>
    /// <param name="body">The bytes as they were signed.</param>
    public static WebhookContent Read(ReadOnlyMemory<byte> body)
    {
        // The parser takes invalid UTF-8 within strings and fails when they are read.
        if (!Utf8.IsValid(body.Span))
        {
            return Unusable(QuarantineReasons.NotJson);
        }

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
