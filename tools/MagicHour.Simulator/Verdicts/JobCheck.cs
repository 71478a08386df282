namespace Platform.Simulator.Verdicts;

/// <summary>Compares rows of <c>jobs</c> with the events that were applied to them.</summary>
internal sealed class JobCheck(IEnumerable<Case> cases, IEnumerable<JobRow> rows)
{
    private readonly ILookup<string, Case> _told = cases
        .Where(one => one.IsApplied && JobFold.Concerns(one.Webhook.Type))
        .ToLookup(one => one.Webhook.JobId);

    private readonly Dictionary<string, JobRow> _rows = rows.ToDictionary(row => row.JobId);

    /// <summary>The errors, one line for each job.</summary>
    public IEnumerable<string> Find() => _told
        .Select(job => _rows.TryGetValue(job.Key, out var row) ? Compare(row, [.. job]) : $"{job.Key}: no row")
        .OfType<string>()
        .Concat(_rows.Values
            .Where(row => !_told.Contains(row.JobId) && !(row.HasOwner && row.State.Status == "queued"))
            .Select(row => $"{row.JobId}: a row without events"));

    private static string? Compare(JobRow row, Case[] published)
    {
        var possible = Combine(published).Select(JobFold.FromEvents).ToArray();
        if (!possible.Contains(row.State))
        {
            return $"{row.JobId}: {(possible is [var likeliest, ..] ? row.State.Difference(likeliest) : "its events have no bodies")}";
        }

        return CompareTimes(row, published) is { } column ? $"{row.JobId}: {column} is not when the event was received" : null;
    }

    /// <summary>All combinations of one possible order for each event.</summary>
    private static IEnumerable<IEnumerable<PublishedEvent>> Combine(IEnumerable<Case> published) => published.Aggregate(
        (IEnumerable<IEnumerable<PublishedEvent>>)[[]],
        (chosen, one) => chosen.SelectMany(others => one.PossibleNotifications().Select(sent => others.Append(sent))));

    /// <summary>The first wrong time column.</summary>
    private static string? CompareTimes(JobRow row, Case[] published)
    {
        DateTimeOffset?[] times = [row.StartedAt, row.FailedAt, row.CompletedAt];
        return IsWrong(row.StartedAt, "started") ? "started_at"
            : IsWrong(row.FailedAt, "errored") ? "failed_at"
            : IsWrong(row.CompletedAt, "completed") ? "completed_at"
            // A job that was registered first has a row before its first event.
            : row.CreatedAt > times.Min() || row.CreatedAt != times.Min() && !row.HasOwner ? "created_at"
            : row.UpdatedAt != times.Max() ? "updated_at"
            : null;

        bool IsWrong(DateTimeOffset? time, string action) =>
            Array.Find(published, one => one.Webhook.Type.EndsWith($".{action}", StringComparison.Ordinal)) is { } one
                ? time is null || time > one.RecordedAt || (one.IsRecordComplete && time != one.RecordedAt)
                : time is not null;
    }
}
