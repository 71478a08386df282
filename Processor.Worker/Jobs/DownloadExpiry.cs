namespace Processor.Worker.Jobs;

/// <summary>Parses the expiry of a download, as the sender wrote it.</summary>
internal static class DownloadExpiry
{
    /// <summary>The time; null when it is missing, unreadable, or a placeholder for "none".</summary>
    /// <remarks>
    /// Programs write "none" as their earliest time (year 1, 1601, 1900, 1970), and "never" as their latest (9999). The PostgreSQL client
    /// stores year 1 and the end of 9999 as infinite.
    /// </remarks>
    public static DateTimeOffset? Read(string? text) => JobPayload.ReadTime(text) is { Year: >= 2000 and < 9999 } time ? time : null;

    /// <summary>The sender's text; null when it is a placeholder for "none".</summary>
    public static string? Show(string? text) => JobPayload.ReadTime(text) is null || Read(text) is not null ? text : null;
}
