using System.Globalization;
using System.Text.Json;
using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>
/// Reads what an event says about its job. As tolerant as the sender is inconsistent: nothing beyond the event's type is required,
/// and what has an unexpected shape counts as not said.
/// </summary>
internal static class JobPayload
{
    /// <summary>What the event says, or null when it does not concern a job's state: an unknown type is stored, nothing more.</summary>
    public static JobFact? Read(string eventType, DateTimeOffset receivedAt, ReadOnlyMemory<byte> body)
    {
        if (!TryReadType(eventType, out var resource, out var status))
        {
            return null;
        }

        using var document = JsonText.Parse(body);
        var payload = Object(document.RootElement, "payload") ?? Object(document.RootElement, "object") ?? default;
        // To the microsecond, as PostgreSQL keeps it.
        var seenAt = receivedAt.AddTicks(-(receivedAt.Ticks % TimeSpan.TicksPerMicrosecond));
        var error = status is JobStatus.Failed ? Object(payload, "error") ?? default : default;
        return new JobFact
        {
            Status = status,
            Resource = resource,
            ReceivedAt = seenAt,
            ProjectType = Text(payload, "type"),
            Name = Text(payload, "name"),
            CreditsCharged = Number(payload, "credits_charged"),
            ErrorCode = Text(error, "code"),
            ErrorMessage = Text(error, "message"),
            // Only a completed event offers files; the sender's own examples fill them everywhere.
            Offers = status is JobStatus.Completed ? Offers(payload, seenAt) : [],
        };
    }

    /// <summary>An ISO 8601 time, or null when there is none or it cannot be read.</summary>
    public static DateTimeOffset? ReadTime(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : null;

    // The status comes from the type's action, not from payload.status, which the sender's own examples contradict.
    private static bool TryReadType(string eventType, out string resource, out JobStatus status)
    {
        (resource, status) = eventType.Split('.') switch
        {
            [("video" or "image" or "audio") and var prefix, "started"] => (prefix, JobStatus.Rendering),
            [("video" or "image" or "audio") and var prefix, "errored"] => (prefix, JobStatus.Failed),
            [("video" or "image" or "audio") and var prefix, "completed"] => (prefix, JobStatus.Completed),
            _ => ("", default),
        };
        return resource.Length > 0;
    }

    /// <summary>The files in <c>downloads</c>, else the one in the deprecated <c>download</c>.</summary>
    private static IReadOnlyList<Download> Offers(JsonElement payload, DateTimeOffset seenAt)
    {
        var items = Member(payload, "downloads") is { ValueKind: JsonValueKind.Array } array
            ? array.EnumerateArray()
            : Enumerable.Empty<JsonElement>();
        if (Object(payload, "download") is { } deprecated)
        {
            items = items.DefaultIfEmpty(deprecated);
        }

        var downloads = items.Select((item, position) => Text(item, "url") is { Length: > 0 } url
            ? new Download(url, Text(item, "expires_at"), seenAt, position)
            : null);
        return Download.OfBody([.. downloads.OfType<Download>()]);
    }

    private static JsonElement? Member(JsonElement parent, string name) =>
        parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var member) ? member : null;

    private static JsonElement? Object(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Object } member ? member : null;

    private static string? Text(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } member ? JsonText.Read(member) : null;

    private static long? Number(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Number } member && member.TryGetInt64(out var number) ? number : null;
}
