using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Platform.Simulator.MagicHour;

/// <summary>An event as Magic Hour would send it.</summary>
/// <param name="Body">The exact bytes.</param>
public sealed record MagicHourEvent(string Type, string JobId, byte[] Body)
{
    // JSON.stringify leaves everything but quotes, backslashes and control characters as it is.
    private static readonly JsonSerializerOptions AsJavaScript = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An event of any type; the nine real ones with the payload that belongs to them.</summary>
    /// <param name="jobId">Null for a new job.</param>
    public static MagicHourEvent Create(string type, string? jobId, DateTimeOffset now)
    {
        var id = jobId ?? NewJobId();
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new JsonObject { ["type"] = type, ["payload"] = Payload(type, id, now) }, AsJavaScript);
        return new MagicHourEvent(type, id, body);
    }

    /// <summary>A body of the caller's own, whatever it is.</summary>
    public static MagicHourEvent Of(byte[] body)
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

    /// <summary>25 characters that begin with cm, as Magic Hour's ids do.</summary>
    public static string NewJobId() => "cm" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 23);

    private static JsonObject Payload(string type, string id, DateTimeOffset now)
    {
        var (resource, action) = type.Split('.') is [var prefix, var suffix] ? (prefix, suffix) : (type, "");
        var payload = new JsonObject
        {
            ["id"] = id,
            ["name"] = $"{Label(resource)} - {Iso(now.AddMinutes(-1))}",
            ["status"] = action switch { "started" => "rendering", "errored" => "error", _ => "complete" },
            ["type"] = resource switch { "image" => "AI_IMAGE", "audio" => "VOICE_GENERATOR", _ => "TEXT_TO_VIDEO" },
            ["created_at"] = Iso(now.AddMinutes(-1)),
            ["enabled"] = true,
            ["credits_charged"] = action == "errored" ? 0 : resource switch { "image" => 5, "audio" => 2, _ => 240 },
            ["downloads"] = action == "completed" ? new JsonArray(Download(resource, id, now)) : new JsonArray(),
            ["error"] = action == "errored"
                ? new JsonObject { ["message"] = "Please use an image with a detectable face", ["code"] = "no_source_face" }
                : null,
        };
        if (resource == "video")
        {
            payload["width"] = 1280;
            payload["height"] = 720;
            payload["fps"] = 24;
            payload["start_seconds"] = 0;
            payload["end_seconds"] = 5;
        }

        if (resource == "image")
        {
            payload["image_count"] = 1;
        }

        return payload;
    }

    private static JsonObject Download(string resource, string id, DateTimeOffset now)
    {
        var file = resource switch { "image" => "output.png", "audio" => "output.wav", _ => "output.mp4" };
        return new JsonObject
        {
            ["url"] = $"https://videos.magichour.ai/{id}/{file}?auth-token=simulated",
            ["expires_at"] = Iso(now.AddHours(24)),
        };
    }

    private static string Label(string resource) => resource switch { "image" => "Ai Image", "audio" => "Voice Generator", _ => "Text To Video" };

    private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ");

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
}
