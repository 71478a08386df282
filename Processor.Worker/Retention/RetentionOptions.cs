using System.ComponentModel.DataAnnotations;
using Cronos;

namespace Processor.Worker.Retention;

/// <summary>
/// How long rows are kept, and when the rest is dropped. Section <c>Retention</c>. A window of 0 keeps everything. Jobs and registrations
/// have no window: they stay.
/// </summary>
internal sealed class RetentionOptions : IValidatableObject
{
    public const string Section = "Retention";

    /// <summary>
    /// The shortest window of anything. The functions that drop rows refuse less, so that an attacker with a worker's login cannot erase
    /// fresh evidence.
    /// </summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromDays(7);

    /// <summary>
    /// The oldest signature that any ingress accepts: the upper bound of <c>MagicHour__MaxAge</c>, whose value this process does not know.
    /// Until then a sender may repeat an event.
    /// </summary>
    public static readonly TimeSpan LongestAge = TimeSpan.FromDays(30);

    /// <summary>
    /// How long a message may wait before it is processed: in the queue, or parked until a person releases it. Alerts ask to act within a day.
    /// A message that waits longer than its identity is certain to be remembered is parked (<see cref="ForgottenBefore"/>).
    /// </summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromDays(14);

    /// <summary>
    /// Raw bodies (<c>webhook_bodies</c>), by the day on which they were received. 7 days to 100 years, or 0; default 30 days.
    /// </summary>
    public TimeSpan Bodies { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Signed bodies that were not usable events (<c>quarantined_events</c>). 7 days to 100 years, or 0; default 90 days.</summary>
    public TimeSpan Quarantine { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// Notifications that were delivered or superseded, by the time of their decision; the others stay. A later registration of a job that
    /// ended before this window notifies no one. 7 days to 100 years, or 0; default 90 days.
    /// </summary>
    public TimeSpan Notifications { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// Events of jobs that have ended, and their identities (<c>webhook_events</c>, <c>inbox_state</c>), by the time of their commit. 0, or at
    /// least <see cref="LongestAge"/> plus the longer of <see cref="LongestWait"/> and <see cref="Quarantine"/>; at most 100 years. Default
    /// 400 days.
    /// </summary>
    public TimeSpan Events { get; set; } = TimeSpan.FromDays(400);

    /// <summary>
    /// What operators did (<c>audit_log</c>), and replays that have ended (<c>replays</c>). 7 days to 100 years, or 0; default 800 days.
    /// </summary>
    public TimeSpan Audit { get; set; } = TimeSpan.FromDays(800);

    /// <summary>
    /// What ingresses answered and accepted, and what became of it (<c>ingress_answers</c>, <c>publish_periods</c>, <c>publish_sources</c>,
    /// <c>received_numbers</c>). 7 days to 100 years, or 0; default 30 days.
    /// </summary>
    public TimeSpan Accounting { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// When a worker with the role <c>consume</c> drops what has expired: a Cron expression of five fields, in UTC. Empty for never, where a
    /// CronJob runs <c>Processor.Worker retention</c>. Default: every day at 03:17.
    /// </summary>
    public string Schedule { get; set; } = "17 3 * * *";

    /// <summary>Null when <see cref="Schedule"/> is empty.</summary>
    internal CronExpression? Cron => string.IsNullOrWhiteSpace(Schedule) ? null : CronExpression.Parse(Schedule);

    /// <summary>
    /// Identities of events received before this time may be forgotten, so that a message from then cannot be distinguished from a repetition. Counted
    /// from the receipt of the first delivery: a later one may be younger by <see cref="LongestAge"/>.
    /// </summary>
    internal DateTimeOffset ForgottenBefore(DateTimeOffset now) => Events == TimeSpan.Zero ? DateTimeOffset.MinValue : now - (Events - LongestAge);

    /// <summary>Notifications decided since then are still there; null when all are. No one is notified of what ended before.</summary>
    internal DateTimeOffset? NotifiedSince(DateTimeOffset now) => Notifications == TimeSpan.Zero ? null : now - Notifications;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        (string Name, TimeSpan Window)[] windows =
        [
            (nameof(Bodies), Bodies),
            (nameof(Quarantine), Quarantine),
            (nameof(Notifications), Notifications),
            (nameof(Events), Events),
            (nameof(Audit), Audit),
            (nameof(Accounting), Accounting),
        ];
        foreach (var (name, window) in windows.Where(one => one.Window != TimeSpan.Zero && (one.Window < Shortest || one.Window.TotalDays > 36_500)))
        {
            yield return new ValidationResult($"must be 0, which keeps everything, or 7 to 36500 days (written 30.00:00:00).", [name]);
        }

        var longestWait = Quarantine > LongestWait ? Quarantine : LongestWait;
        if (Events >= Shortest && Events < LongestAge + longestWait)
        {
            yield return new ValidationResult(
                $"must be at least {(LongestAge + longestWait).TotalDays:0.##} days: {LongestAge.TotalDays:0}, the maximum of MagicHour__MaxAge, plus the "
                + $"longest time a message can wait ({LongestWait.TotalDays:0} in a queue, Retention__Quarantine in quarantine). Before that, an event "
                + "that arrives again would take effect twice.",
                [nameof(Events)]);
        }

        if (!string.IsNullOrWhiteSpace(Schedule) && !CronExpression.TryParse(Schedule, out _))
        {
            yield return new ValidationResult("must be a Cron expression of five fields, such as '17 3 * * *', or empty.", [nameof(Schedule)]);
        }
    }
}
