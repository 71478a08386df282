namespace Processor.Worker.Reconciliation;

/// <summary>When a job is looked up: first when it should long have ended, then less and less often.</summary>
/// <param name="firstAfter">Minimum time to the first check.</param>
/// <param name="scale">Factor on all other times.</param>
internal sealed class CheckSchedule(TimeSpan firstAfter, double scale = 1)
{
    // A job that takes three times as long as usual has probably ended without an event.
    private const int Medians = 3;

    private static readonly TimeSpan[] Gaps =
    [
        TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10),
        TimeSpan.FromMinutes(30), TimeSpan.FromHours(1),
    ];

    /// <summary>
    /// Magic Hour's medians of the 30 days to 2026-07-20, in seconds (<c>magic-hour/rest.md</c>, section 5), by kind and tool; of a kind alone,
    /// the median of its tools.
    /// </summary>
    private static readonly Dictionary<string, int> MedianSeconds = new()
    {
        ["video"] = 117,
        ["video/AUTO_SUBTITLE"] = 45,
        ["video/TEXT_TO_VIDEO"] = 51,
        ["video/IMAGE_TO_VIDEO"] = 74,
        ["video/VIDEO_EDITOR"] = 85,
        ["video/FACE_SWAP"] = 96,
        ["video/AUDIO_TO_VIDEO"] = 117,
        ["video/TALKING_PHOTO"] = 174,
        ["video/LIP_SYNC"] = 229,
        ["video/CHARACTER_REPLACE"] = 446,
        ["video/ANIMATION"] = 596,
        ["video/VIDEO_TO_VIDEO"] = 772,
        // The tools for images take 3 to 38 s: three times that is less than any sensible first check.
        ["image"] = 9,
        ["audio"] = 21,
    };

    /// <summary>After this time without an end, a job is given up.</summary>
    public TimeSpan Lifetime { get; } = TimeSpan.FromHours(48) * scale;

    /// <summary>
    /// From the failure of a job to its only check: an end that contradicts the webhook is rare, and would have become visible by then.
    /// </summary>
    public TimeSpan FailedAfter { get; } = TimeSpan.FromMinutes(10) * scale;

    /// <summary>A job that failed longer ago is no longer checked. Until then its check's row remains, so that it is checked only once.</summary>
    public TimeSpan FailedFor { get; } = TimeSpan.FromHours(24) * scale;

    /// <summary>How long the API must answer 404 before a job counts as not found.</summary>
    public TimeSpan NotFoundFor { get; } = TimeSpan.FromHours(1) * scale;

    /// <summary>The time from the creation of a job to its first check, by kind and tool (<c>video/FACE_SWAP</c>), and by kind alone.</summary>
    public IReadOnlyList<KeyValuePair<string, TimeSpan>> FirstChecks { get; } =
    [
        .. MedianSeconds.Select(median => KeyValuePair.Create(
            median.Key, TimeSpan.FromTicks(Math.Max(firstAfter.Ticks, (TimeSpan.FromSeconds(Medians * median.Value) * scale).Ticks)))),
    ];

    /// <summary>30 s, 1, 2, 5, 10 and 30 minutes, then an hour each time.</summary>
    /// <param name="checks">Checks made so far, at least one.</param>
    public TimeSpan GapAfter(int checks) => Gaps[Math.Min(checks, Gaps.Length) - 1] * scale;
}
