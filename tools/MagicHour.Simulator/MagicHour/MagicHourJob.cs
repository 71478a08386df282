using System.Text.Json.Nodes;

namespace Platform.Simulator.MagicHour;

/// <summary>A job as described by Magic Hour's events.</summary>
public sealed record MagicHourJob
{
    public required string Id { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>The payload's <c>type</c>, such as <c>TEXT_TO_VIDEO</c>.</summary>
    public required string Tool { get; init; }

    /// <summary>Any text of the user, possibly ending in a lone surrogate; null when there is none.</summary>
    public required string? Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The cost of a job that does not fail.</summary>
    public required int Credits { get; init; }

    public int Downloads { get; init; } = 1;

    public required DateTimeOffset DownloadsExpireAt { get; init; }

    /// <summary>The credential in the download URLs; new each time the URLs are signed.</summary>
    public string AuthToken { get; init; } = "simulated";

    /// <summary>The error in an <c>errored</c> event.</summary>
    public MagicHourError Error { get; init; } = MagicHourError.All[0];

    /// <summary>Length of the clip in seconds; videos only.</summary>
    public double Seconds { get; init; } = 5;

    /// <summary>A typical job of a resource, or of any other prefix of an event type.</summary>
    public static MagicHourJob Typical(string resource, string id, DateTimeOffset now)
    {
        var (tool, label, credits) = resource switch
        {
            "image" => ("AI_IMAGE", "Ai Image", 5),
            "audio" => ("VOICE_GENERATOR", "Voice Generator", 2),
            _ => ("TEXT_TO_VIDEO", "Text To Video", 240),
        };
        return new MagicHourJob
        {
            Id = id,
            Resource = resource,
            Tool = tool,
            Name = $"{label} - {Iso(now.AddMinutes(-1))}",
            CreatedAt = now.AddMinutes(-1),
            Credits = credits,
            DownloadsExpireAt = now.AddHours(24),
        };
    }

    /// <summary>The payload of an event with this action.</summary>
    internal JsonObject Payload(string action)
    {
        var payload = new JsonObject
        {
            ["id"] = Id,
            ["name"] = Name,
            ["status"] = action switch { "started" => "rendering", "errored" => "error", _ => "complete" },
            ["type"] = Tool,
            ["created_at"] = Iso(CreatedAt),
            ["enabled"] = true,
            ["credits_charged"] = action == "errored" ? 0 : Credits,
            ["downloads"] = action == "completed" ? new JsonArray([.. Enumerable.Range(0, Downloads).Select(Download)]) : new JsonArray(),
            ["error"] = action == "errored" ? new JsonObject { ["message"] = Error.Message, ["code"] = Error.Code } : null,
        };
        if (Resource == "video")
        {
            payload["width"] = 1280;
            payload["height"] = 720;
            payload["fps"] = 24;
            payload["start_seconds"] = 0;
            payload["end_seconds"] = Seconds;
        }

        if (Resource == "image")
        {
            payload["image_count"] = Downloads;
        }

        return payload;
    }

    private JsonObject Download(int position)
    {
        var file = Resource switch { "image" => "output.png", "audio" => "output.wav", _ => "output.mp4" };
        var folder = Downloads == 1 ? Id : $"{Id}/{position}";
        return new JsonObject
        {
            ["url"] = $"https://videos.magichour.ai/{folder}/{file}?auth-token={AuthToken}",
            ["expires_at"] = Iso(DownloadsExpireAt),
        };
    }

    private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ");
}

/// <summary>Why a job failed, in the sender's words.</summary>
public sealed record MagicHourError(string Code, string Message)
{
    /// <summary>Some examples; the set is open.</summary>
    public static IReadOnlyList<MagicHourError> All { get; } =
    [
        new("no_source_face", "Please use an image with a detectable face"),
        new("invalid_video_file", "The video file contains invalid data. Please try a different file."),
        new("invalid_youtube_url", "The youtube video cannot be downloaded"),
        new("unknown_error", "Something went wrong. Please contact support with the job's id."),
    ];
}
