using System.Text.Json.Nodes;
using Processor.Worker.Jobs;

namespace Processor.Worker.Rebuild;

/// <summary>The columns of <c>jobs</c>: reading and comparing them.</summary>
internal static class JobColumns
{
    // PostgreSQL counts microseconds from here, and Npgsql rounds towards it: the sender may give an expiry with more digits.
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly (string Name, Func<Job, object?> Value)[] All =
    [
        ("resource", job => job.Resource),
        ("status", job => job.Status),
        ("project_type", job => job.ProjectType),
        ("name", job => job.Name),
        ("user_id", job => job.UserId),
        ("download_url", job => job.DownloadUrl),
        ("downloads", job => job.Downloads is { } json ? JsonNode.Parse(json) : null),
        ("downloads_cut", job => job.DownloadsCut),
        ("download_expires_at", job => job.DownloadExpiresAt),
        ("error_code", job => job.ErrorCode),
        ("error_message", job => job.ErrorMessage),
        ("credits_charged", job => job.CreditsCharged),
        ("created_at", job => job.CreatedAt),
        ("started_at", job => job.StartedAt),
        ("completed_at", job => job.CompletedAt),
        ("failed_at", job => job.FailedAt),
        ("canceled_at", job => job.CanceledAt),
        ("deleted_at", job => job.DeletedAt),
        ("updated_at", job => job.UpdatedAt),
    ];

    /// <summary>The names of the columns in which two rows differ.</summary>
    public static IReadOnlyList<string> Differing(Job one, Job other) =>
        [.. All.Where(column => !IsSame(column.Value(one), column.Value(other))).Select(column => column.Name)];

    private static bool IsSame(object? one, object? other) => (one, other) switch
    {
        (DateTimeOffset time, DateTimeOffset otherTime) => Microseconds(time) == Microseconds(otherTime),
        // Stored JSON has other spaces and another order.
        (JsonNode json, JsonNode otherJson) => JsonNode.DeepEquals(json, otherJson),
        _ => Equals(one, other),
    };

    private static long Microseconds(DateTimeOffset time) => (time - Epoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
