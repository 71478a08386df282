using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Platform.Simulator.MagicHour;

/// <summary>An event as Magic Hour would send it.</summary>
/// <param name="Body">The exact bytes.</param>
public sealed partial record MagicHourEvent(string Type, string JobId, byte[] Body)
{
    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };

    // Placeholder for a lone surrogate until the JSON is written, because .NET's writer would replace it with U+FFFD.
    private const int FirstStandIn = 0xE000;
    private const int FirstSurrogate = 0xD800;

    /// <summary>An event of any type; the nine real types get their proper payload.</summary>
    /// <param name="jobId">Null for a new job.</param>
    public static MagicHourEvent Create(string type, string? jobId, DateTimeOffset now) =>
        Create(type, MagicHourJob.Typical(type.Split('.')[0], jobId ?? NewJobId(), now));

    /// <summary>An event of any type about a job.</summary>
    public static MagicHourEvent Create(string type, MagicHourJob job, EventStyle style = EventStyle.Plain)
    {
        var payload = (job with { Name = job.Name is null ? null : Surrogate().Replace(job.Name, StandIn) })
            .Payload(type.Split('.') is [_, var action] ? action : "");
        var root = new JsonObject { ["type"] = type, ["payload"] = payload };
        if (style.HasFlag(EventStyle.UnknownFields))
        {
            root["id"] = "evt_future";
            payload["model"] = "of the future";
            payload["timings"] = new JsonObject { ["queued_ms"] = 17, ["phases"] = new JsonArray("load", "render") };
        }

        return new MagicHourEvent(type, job.Id, AsJavaScript(root.ToJsonString(style.HasFlag(EventStyle.Indented) ? Indented : Compact)));
    }

    /// <summary>An arbitrary body of the caller.</summary>
    public static MagicHourEvent Parse(byte[] body)
    {
        try
        {
            var root = JsonNode.Parse(body);
            return new MagicHourEvent(Text(root?["type"]), Text(root?["payload"]?["id"] ?? root?["object"]?["id"]), body);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return new MagicHourEvent("", "", body);
        }
    }

    /// <summary>25 characters that begin with cm, like Magic Hour's ids.</summary>
    public static string NewJobId() => "cm" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 23);

    /// <summary>Escapes like JSON.stringify: lone surrogates are escaped, complete characters are not.</summary>
    private static byte[] AsJavaScript(string json) => Encoding.UTF8.GetBytes(PairOrStandIn().Replace(json, match =>
        match.Groups["standIn"] is { Success: true } standIn
            ? $@"\u{int.Parse(standIn.ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture) - FirstStandIn + FirstSurrogate:x4}"
            : Regex.Unescape(match.Value)));

    private static string StandIn(Match half) => $"{(char)(half.Value[0] - FirstSurrogate + FirstStandIn)}";

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    [GeneratedRegex(@"(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])")]
    private static partial Regex Surrogate();

    // The escapes of .NET's writer; it doubles a backslash of the text itself.
    [GeneratedRegex(@"(?<!\\)(\\uD[89AB][0-9A-F]{2}\\uD[C-F][0-9A-F]{2}|\\u(?<standIn>E[0-7][0-9A-F]{2}))")]
    private static partial Regex PairOrStandIn();
}

/// <summary>How an event's body is serialized: the same event as different bytes.</summary>
[Flags]
public enum EventStyle
{
    /// <summary>Magic Hour's current format.</summary>
    Plain = 0,

    /// <summary>With unknown fields.</summary>
    UnknownFields = 1,

    /// <summary>With line breaks and indentation, as another version of the sender might write.</summary>
    Indented = 2,
}
