using Npgsql;

namespace Processor.Worker.Retention;

/// <summary>Everything that expires: a line for each table.</summary>
internal static class RetentionRules
{
    /// <summary>The table of identities. Its rows go with those of events and of quarantined bodies.</summary>
    public const string Identities = "inbox_state";

    /// <summary>All tables of which rows are dropped.</summary>
    public static IEnumerable<string> Tables => Create(new RetentionOptions()).Select(rule => rule.Table).Append(Identities);

    /// <summary>Of retention itself: two years of runs, a dozen rows each.</summary>
    private static readonly TimeSpan Runs = TimeSpan.FromDays(800);

    /// <summary>The attempts of messages that have not been delivered for so long: they were committed, parked or purged.</summary>
    private static readonly TimeSpan Attempts = RetentionOptions.LongestAge + RetentionOptions.LongestWait;

    /// <summary>In this order. Nothing else is ever dropped.</summary>
    public static IReadOnlyList<IRetentionRule> Create(RetentionOptions options) =>
    [
        new ExpiredBodies(options.Bodies),
        new ExpiredQuarantine(options.Quarantine),
        new ExpiredRows(
            "notifications", options.Notifications, "drop_expired_notifications",
            "select count(*) from notifications where status in ('delivered', 'superseded') and decided_at < $1"),
        new ExpiredEvents(options.Events),
        new ExpiredRows(
            "delivery_attempts", Attempts, "drop_expired_delivery_attempts", "select count(*) from delivery_attempts where last_attempt_at < $1"),
        new ExpiredRows("audit_log", options.Audit, "drop_expired_audit_log", "select count(*) from audit_log where at < $1"),
        new ExpiredRows("replays", options.Audit, "drop_expired_replays", "select count(*) from replays where finished_at < $1"),
        new ExpiredRows(
            "publish_periods", options.Accounting, "drop_expired_publish_periods", "select count(*) from publish_periods where ended_at < $1"),
        new ExpiredRows(
            "publish_sources", options.Accounting, "drop_expired_publish_sources", "select count(*) from publish_sources where reported_at < $1"),
        new ExpiredRows(
            "ingress_answers", options.Accounting, "drop_expired_ingress_answers",
            """
            select count(*) from ingress_answers as old
            where minute < $1 and (
                exists (select from ingress_answers as newer where newer.source = old.source and newer.minute > old.minute)
                or not exists (select from publish_sources as ingress where ingress.source = old.source))
            """),
        new ExpiredRows(
            "received_numbers", options.Accounting, "drop_expired_received_numbers", "select count(*) from received_numbers where noted_at < $1"),
        new ExpiredRows("retention_runs", Runs, "drop_expired_retention_runs", "select count(*) from retention_runs where started_at < $1"),
    ];

    public static NpgsqlParameter Before(DateTimeOffset before) => new NpgsqlParameter<DateTime> { TypedValue = before.UtcDateTime };
}
