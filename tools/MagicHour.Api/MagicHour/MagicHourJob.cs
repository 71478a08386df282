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

    /// <summary>The address before the job's id in the download URLs.</summary>
    public string DownloadsFrom { get; init; } = "https://videos.magichour.ai";

    /// <summary>The credential in the download URLs; new each time the URLs are signed.</summary>
    public string AuthToken { get; init; } = "simulated";

    /// <summary>The error in an <c>errored</c> event.</summary>
    public MagicHourError Error { get; init; } = MagicHourError.All[0];

    /// <summary>Length of the clip in seconds; videos only.</summary>
    public double Seconds { get; init; } = 5;

    /// <summary>False once the job is deleted.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>With <c>total_frame_cost</c> and <c>download</c>, the old names of the credits and of the first download.</summary>
    public bool HasDeprecatedFields { get; init; }

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
    internal JsonObject Payload(string action) =>
        Project(action switch { "started" => "rendering", "errored" => "error", _ => "complete" }, hasDownloads: action == "completed");

    /// <summary>The project with this status, as <c>GET</c> answers it.</summary>
    internal JsonObject Project(string status, bool hasDownloads)
    {
        var credits = status is "error" or "canceled" ? 0 : Credits;
        JsonArray downloads = hasDownloads ? [.. Enumerable.Range(0, Downloads).Select(Download)] : [];
        var project = new JsonObject
        {
            ["id"] = Id,
            ["name"] = Name,
            ["status"] = status,
            ["type"] = Tool,
            ["created_at"] = Iso(CreatedAt),
            ["enabled"] = IsEnabled,
            ["credits_charged"] = credits,
            ["downloads"] = downloads,
            ["error"] = status == "error" ? new JsonObject { ["message"] = Error.Message, ["code"] = Error.Code } : null,
        };
        if (Resource == "video")
        {
            project["width"] = 1280;
            project["height"] = 720;
            project["fps"] = 24;
            project["start_seconds"] = 0;
            project["end_seconds"] = Seconds;
        }

        if (Resource == "image")
        {
            project["image_count"] = Downloads;
        }

        if (HasDeprecatedFields)
        {
            AddDeprecatedFields(project, credits);
        }

        return project;
    }

    // Audio never had them, and images never had a single download.
    private void AddDeprecatedFields(JsonObject project, int credits)
    {
        if (Resource is "video" or "image")
        {
            project["total_frame_cost"] = credits;
        }

        if (Resource is "video")
        {
            project["download"] = project["downloads"]!.AsArray().FirstOrDefault()?.DeepClone();
        }
    }

    private JsonObject Download(int position)
    {
        var file = Resource switch { "image" => "output.png", "audio" => "output.wav", _ => "output.mp4" };
        var folder = Downloads == 1 ? Id : $"{Id}/{position}";
        return new JsonObject
        {
            ["url"] = $"{DownloadsFrom}/{folder}/{file}?auth-token={AuthToken}",
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
