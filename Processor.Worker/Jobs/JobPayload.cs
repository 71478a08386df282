using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>
/// Extracts the fact from an event's body. Tolerant, because the sender is inconsistent: only the event's type is required, and fields
/// with an unexpected shape are ignored.
/// </summary>
internal static partial class JobPayload
{
    // Extended format. The sender writes "2026-11-24T12:00:00.000Z"; K is Z, an offset or nothing.
    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    /// <summary>The fact; null when the event does not concern a job's state: an unknown type is only stored.</summary>
    public static JobFact? Read(string eventType, DateTimeOffset receivedAt, ReadOnlyMemory<byte> body)
    {
        if (!TryReadType(eventType, out var resource, out var status))
        {
            return null;
        }

        using var document = JsonText.Parse(body);
        var payload = Object(document.RootElement, "payload") ?? Object(document.RootElement, "object") ?? default;
        // To the microsecond, the precision of PostgreSQL.
        var seenAt = receivedAt.AddTicks(-(receivedAt.Ticks % TimeSpan.TicksPerMicrosecond));
        var isCut = false;
        // Only a completed event offers files; the sender's own examples fill these fields in all events.
        var offers = status is JobStatus.Completed ? Offers(payload, seenAt, out isCut) : [];
        var error = status is JobStatus.Failed ? Object(payload, "error") ?? default : default;
        return new JobFact
        {
            Status = status,
            Resource = resource,
            ReceivedAt = seenAt,
            ProjectType = JobLimits.Cut(Text(payload, "type"), JobLimits.Code),
            Name = JobLimits.Cut(Text(payload, "name"), JobLimits.Text),
            CreditsCharged = Number(payload, "credits_charged"),
            ErrorCode = JobLimits.Cut(Text(error, "code"), JobLimits.Code),
            ErrorMessage = JobLimits.Cut(Text(error, "message"), JobLimits.Text),
            Offers = offers,
            IsCut = isCut,
            // False means deleted, in the sender's schema.
            DeletedAt = Member(payload, "enabled") is { ValueKind: JsonValueKind.False } ? seenAt : null,
        };
    }

    /// <summary>
    /// Parses an ISO 8601 date, or date and time, in UTC unless it has an offset. Null for anything else: "10:00" would mean another time
    /// every day.
    /// </summary>
    public static DateTimeOffset? ReadTime(string? text) =>
        text is not null
        && DateTimeOffset.TryParseExact(
            text.Length <= LongestExact ? text : BeyondTicks().Replace(text, ""),
            TimeFormats,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var time)
            ? time
            : null;

    // "2026-11-24T12:00:00.1234567": a text with more decimals is longer.
    private const int LongestExact = 27;

    // Some languages write nanoseconds; .NET parses at most seven decimals of a second.
    [GeneratedRegex(@"(?<=\.[0-9]{7})[0-9]+")]
    private static partial Regex BeyondTicks();

    /// <summary>
    /// The status that an event of this type reports. The action in the type decides, not <c>payload.status</c>: the sender's own examples contradict
    /// themselves there.
    /// </summary>
    /// <returns>False for a type that does not concern a job's state.</returns>
    public static bool TryReadType(string eventType, out string resource, out JobStatus status)
    {
        (resource, status) = eventType switch
        {
            "video.started" => ("video", JobStatus.Rendering),
            "image.started" => ("image", JobStatus.Rendering),
            "audio.started" => ("audio", JobStatus.Rendering),
            "video.errored" => ("video", JobStatus.Failed),
            "image.errored" => ("image", JobStatus.Failed),
            "audio.errored" => ("audio", JobStatus.Failed),
            "video.completed" => ("video", JobStatus.Completed),
            "image.completed" => ("image", JobStatus.Completed),
            "audio.completed" => ("audio", JobStatus.Completed),
            // The platform's own types: the sender has no event for it.
            "video.canceled" => ("video", JobStatus.Canceled),
            "image.canceled" => ("image", JobStatus.Canceled),
            "audio.canceled" => ("audio", JobStatus.Canceled),
            _ => ("", default),
        };
        return resource.Length > 0;
    }

    /// <summary>The files in <c>downloads</c>, else the one in the deprecated <c>download</c>.</summary>
    private static IReadOnlyList<Download> Offers(JsonElement payload, DateTimeOffset seenAt, out bool isCut)
    {
        var offers = new LimitedDownloads();
        if (Member(payload, "downloads") is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() > 0)
        {
            AddOffers(offers, array, seenAt);
        }
        else if (Object(payload, "download") is { } deprecated)
        {
            AddOffer(offers, deprecated, seenAt, position: 0);
        }

        isCut = offers.IsCut;
        return Download.FromBody(offers.Kept);
    }

    private static void AddOffers(LimitedDownloads offers, JsonElement array, DateTimeOffset seenAt)
    {
        var position = 0;
        foreach (var item in array.EnumerateArray())
        {
            AddOffer(offers, item, seenAt, position++);
            if (offers.IsFull)
            {
                return;
            }
        }
    }

    private static void AddOffer(LimitedDownloads offers, JsonElement item, DateTimeOffset seenAt, int position)
    {
        if (Text(item, "url") is { Length: > 0 } url)
        {
            var expiresAt = Text(item, "expires_at") is { Length: <= JobLimits.Code } text ? text : null;
            offers.Add(new Download(url, expiresAt, seenAt, position));
        }
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
