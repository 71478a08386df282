using System.Text.Json;
using Platform.Contracts;

namespace Processor.Worker.Reconciliation;

/// <summary>What an answer of the API says about a job (<c>magic-hour/rest.md</c>, section 3). No end is ever guessed.</summary>
/// <param name="Project">The project as the API described it; empty when it did not.</param>
internal sealed record Finding(FindingKind Kind, ReadOnlyMemory<byte> Project = default)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>How long the API asks to wait. Null when it does not.</summary>
    public TimeSpan? RetryAfter { get; private init; }

    /// <summary>The API described the project, so the key can see it.</summary>
    public bool IsDescribed => Project.Length > 0;

    /// <summary>The API itself failed or asked to slow down: it says nothing about the job.</summary>
    public bool IsOutage => Kind is FindingKind.Throttled or FindingKind.Unavailable;

    public static Finding From(ProjectAnswer answer, string jobId) => answer.Status switch
    {
        200 => Read(answer.Body, jobId),
        // Only the API's own error: the page of a proxy, or of a wrong base address, says nothing about the job.
        400 when IsError(answer.Body) => new Finding(FindingKind.Refused),
        404 when IsError(answer.Body) => new Finding(FindingKind.NotFound),
        401 or 402 or 403 => new Finding(FindingKind.KeyRejected),
        429 => new Finding(FindingKind.Throttled) { RetryAfter = answer.RetryAfter },
        _ => new Finding(FindingKind.Unavailable) { RetryAfter = answer.RetryAfter },
    };

    private static Finding Read(ReadOnlyMemory<byte> body, string jobId)
    {
        if (!TryParse(body, out var document))
        {
            return new Finding(FindingKind.Unavailable);
        }

        using (document)
        {
            var project = document.RootElement;
            // An answer that does not name the job may be about another one, or not from the API at all.
            return Text(project, "id") == jobId && Text(project, "status") is { } status
                ? new Finding(Judge(project, status), body)
                : new Finding(FindingKind.Unavailable);
        }
    }

    private static FindingKind Judge(JsonElement project, string status) => status switch
    {
        "complete" when HasDownloads(project) || IsDeleted(project) => FindingKind.Completed,
        "complete" => FindingKind.Incomplete,
        "error" => FindingKind.Failed,
        "canceled" => FindingKind.Canceled,
        // Deleted before its end: nothing more will happen to it.
        _ when IsDeleted(project) => FindingKind.Canceled,
        "queued" => FindingKind.Queued,
        "rendering" => FindingKind.Rendering,
        _ => FindingKind.Unknown,
    };

    private static bool IsDeleted(JsonElement project) => Member(project, "enabled") is { ValueKind: JsonValueKind.False };

    private static bool HasDownloads(JsonElement project) =>
        Member(project, "downloads") is { ValueKind: JsonValueKind.Array } downloads && downloads.EnumerateArray().Any(HasUrl)
        || Member(project, "download") is { } deprecated && HasUrl(deprecated);

    private static bool HasUrl(JsonElement download) => Text(download, "url") is { Length: > 0 };

    // {"message"}, or {"code", "message"} since the newer specification.
    private static bool IsError(ReadOnlyMemory<byte> body)
    {
        if (!TryParse(body, out var document))
        {
            return false;
        }

        using (document)
        {
            return Text(document.RootElement, "message") is not null || Text(document.RootElement, "code") is not null;
        }
    }

    private static bool TryParse(ReadOnlyMemory<byte> body, out JsonDocument document)
    {
        try
        {
            document = JsonText.Parse(body, Strict);
            return true;
        }
        catch (JsonException)
        {
            document = null!;
            return false;
        }
    }

    private static JsonElement? Member(JsonElement parent, string name) =>
        parent.ValueKind is JsonValueKind.Object && parent.TryGetProperty(name, out var member) ? member : null;

    private static string? Text(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } member ? JsonText.Read(member) : null;
}

/// <summary>The kinds of findings.</summary>
internal enum FindingKind
{
    /// <summary>It waits for its start.</summary>
    Queued,

    /// <summary>It has started.</summary>
    Rendering,

    /// <summary>It has a status that this version does not know, or one that is not used, such as <c>draft</c>.</summary>
    Unknown,

    /// <summary>It has completed, but without downloads: a known transient error of the sender.</summary>
    Incomplete,

    Completed,

    Failed,

    /// <summary>It was canceled, or deleted before its end.</summary>
    Canceled,

    /// <summary>Of another kind, of another account, or deleted.</summary>
    NotFound,

    /// <summary>The API refuses the id.</summary>
    Refused,

    /// <summary>The API refuses the key, or its account.</summary>
    KeyRejected,

    /// <summary>The API asks to slow down.</summary>
    Throttled,

    /// <summary>No answer, or one that cannot be used.</summary>
    Unavailable,
}

internal static class FindingKinds
{
    /// <summary>The name in the table and in <c>GET /jobs/{id}</c>.</summary>
    public static string Name(this FindingKind kind) => kind switch
    {
        FindingKind.Queued => "queued",
        FindingKind.Rendering => "rendering",
        FindingKind.Unknown => "unknown_status",
        FindingKind.Incomplete => "completed_without_downloads",
        FindingKind.Completed => "completed",
        FindingKind.Failed => "failed",
        FindingKind.Canceled => "canceled",
        FindingKind.NotFound => "not_found",
        FindingKind.Refused => "refused",
        FindingKind.KeyRejected => "key_rejected",
        FindingKind.Throttled => "throttled",
        FindingKind.Unavailable => "unavailable",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}
