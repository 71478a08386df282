using System.Diagnostics.Metrics;
using Platform.Contracts;
using Platform.ServiceDefaults.Telemetry;
using Processor.Worker.Archiving;
using Processor.Worker.Backlog;
using Processor.Worker.Broker;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>Dashboards and alerts refer to the metrics by name, unit and label.</summary>
public sealed class MetricsTests(PostgresFixture postgres)
{
    // Gauges, which exist whatever has happened.
    private static readonly string[] AlwaysReported =
    [
        "archive.active{}",
        "database.outage{}", "inbox.concurrency_limit{}", "inbox.oldest_unit.age{}", "inbox.units.waiting{}",
        "notification.channel.configured{channel=email}", "notification.channel.configured{channel=webhook}",
        "reconcile.active{}", "reconcile.budget.used{}", "reconcile.key.rejected{}",
    ];

    [Fact]
    public async Task The_metrics_are_these_and_no_others()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        Assert.Equal(
            [
                ("accounting.events.missing", "{event}"),
                ("archive.active", null),
                ("archive.copied", "By"),
                ("archive.copies", "{attempt}"),
                ("archive.erasures.pending", "{file}"),
                ("archive.next_expiry", "s"),
                ("database.outage", null),
                ("database.sample.errors", null),
                ("inbox.concurrency_limit", "{message}"),
                ("inbox.event.age", "s"),
                ("inbox.group.duration", "s"),
                ("inbox.group.size", "{unit}"),
                ("inbox.oldest_unit.age", "s"),
                ("inbox.units.committed", "{unit}"),
                ("inbox.units.parked", "{unit}"),
                ("inbox.units.postponed", "{unit}"),
                ("inbox.units.waiting", "{unit}"),
                ("job.download.expiry", "s"),
                ("notification.attempts", "{attempt}"),
                ("notification.channel.configured", null),
                ("notification.oldest_due.age", "s"),
                ("notification.parked", "{notification}"),
                ("notification.waiting", "{notification}"),
                ("outbox.backlog.messages", null),
                ("outbox.messages.published", "{message}"),
                ("outbox.oldest_message.age", "s"),
                ("quarantined_events.stored", "{event}"),
                ("queue.consumers", "{consumer}"),
                ("queue.messages", "{message}"),
                ("reconcile.active", null),
                ("reconcile.budget.used", null),
                ("reconcile.checks.overdue", "{check}"),
                ("reconcile.events.missed", "{event}"),
                ("reconcile.jobs.unaccounted", "{job}"),
                ("reconcile.key.rejected", null),
                ("reconcile.oldest_overdue.age", "s"),
                ("reconcile.requests", "{request}"),
                ("registrations.rejected", "{registration}"),
                ("retention.last_success.age", "s"),
                ("retention.rows.dropped", "{row}"),
                ("route.missing", null),
                ("telemetry.dropped", null),
            ],
            all.Instruments.Values.Select(instrument => (instrument.Name, instrument.Unit)).OrderBy(one => one.Name, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Labels_come_from_closed_sets()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);
        var outcomes = Enum.GetValues<CommitOutcome>();
        var unit = Deliveries.Unit(Deliveries.Event("video.completed", "of the sender's choice"));

        all.Metrics.GroupCommitted([.. outcomes.Select(_ => unit)], outcomes, TimeSpan.Zero, Deliveries.Noon);
        Array.ForEach(Enum.GetValues<ParkingReason>(), all.Metrics.Parked);
        all.Metrics.Postponed();
        all.Metrics.OutboxPublished(1);
        all.Metrics.NotificationSettled("email", NotificationStatus.Delivered);
        all.Metrics.NotificationSettled("webhook", NotificationStatus.Parked);
        all.Metrics.RegistrationRejected();
        all.Metrics.SampleFailed();
        all.Metrics.EventMissed("video.completed");
        all.Metrics.ApiRequested(RequestResult.KeyRejected);
        all.Metrics.ArchivingBegins();
        Array.ForEach(Enum.GetValues<CopyResult>(), all.Metrics.Archived);
        all.Metrics.RetentionBegins();
        Array.ForEach(Enum.GetValues<TelemetrySignal>(), signal => all.Telemetry.Add(signal, 1, "collector unreachable"));
        all.Backlog.Update(new DatabaseBacklog(0, TimeSpan.Zero, 0, TimeSpan.Zero));
        all.Backlog.Update([new NotificationBacklog("email", 0, TimeSpan.Zero, 0), new NotificationBacklog("webhook", 0, TimeSpan.Zero, 0)]);
        all.Backlog.Update(new CheckBacklog(0, TimeSpan.Zero, 0));
        all.Backlog.Update(new ArchiveBacklog(TimeSpan.Zero, 0));
        all.Backlog.Update(new LastRetention(TimeSpan.Zero));
        all.Backlog.Update(new MissingEvents(0, 0));
        all.Backlog.Update([.. Topology.Queues.Keys.Select(queue => new QueueDepth(queue, 0, 0))]);
        all.Backlog.Update([.. BrokerManagement.Routes.Select(route => new RouteState(route, IsMissing: true))]);

        Assert.Equal(
            [
                "accounting.events.missing{cause=deleted}", "accounting.events.missing{cause=not_received}",
                "archive.active{}", "archive.copied{}", "archive.copies{result=failed}", "archive.copies{result=retried}", "archive.copies{result=stored}",
                "archive.erasures.pending{}", "archive.next_expiry{}",
                "database.outage{}", "database.sample.errors{}", "inbox.concurrency_limit{}", "inbox.event.age{}", "inbox.group.duration{}", "inbox.group.size{}",
                "inbox.oldest_unit.age{}",
                "inbox.units.committed{outcome=duplicate}", "inbox.units.committed{outcome=erased}", "inbox.units.committed{outcome=new}",
                "inbox.units.committed{outcome=quarantined}", "inbox.units.committed{outcome=variant}",
                "inbox.units.parked{reason=poison}", "inbox.units.parked{reason=suspect}",
                "inbox.units.postponed{}", "inbox.units.waiting{}", "job.download.expiry{}",
                "notification.attempts{channel=email,status=delivered}", "notification.attempts{channel=webhook,status=parked}",
                "notification.channel.configured{channel=email}", "notification.channel.configured{channel=webhook}",
                "notification.oldest_due.age{channel=email}", "notification.oldest_due.age{channel=webhook}",
                "notification.parked{channel=email}", "notification.parked{channel=webhook}",
                "notification.waiting{channel=email}", "notification.waiting{channel=webhook}",
                "outbox.backlog.messages{}", "outbox.messages.published{}", "outbox.oldest_message.age{}",
                "quarantined_events.stored{}",
                "queue.consumers{queue=register-job_dead}", "queue.consumers{queue=register-job_error}",
                "queue.consumers{queue=register-job_skipped}", "queue.consumers{queue=register-job}",
                "queue.consumers{queue=webhook-received_dead}", "queue.consumers{queue=webhook-received_error}",
                "queue.consumers{queue=webhook-received_skipped}", "queue.consumers{queue=webhook-received}",
                "queue.messages{queue=register-job_dead}", "queue.messages{queue=register-job_error}",
                "queue.messages{queue=register-job_skipped}", "queue.messages{queue=register-job}",
                "queue.messages{queue=webhook-received_dead}", "queue.messages{queue=webhook-received_error}",
                "queue.messages{queue=webhook-received_skipped}", "queue.messages{queue=webhook-received}",
                "reconcile.active{}", "reconcile.budget.used{}", "reconcile.checks.overdue{}", "reconcile.events.missed{event_type=video.completed}",
                "reconcile.jobs.unaccounted{}", "reconcile.key.rejected{}", "reconcile.oldest_overdue.age{}", "reconcile.requests{result=key_rejected}",
                "registrations.rejected{}", "retention.last_success.age{}",
                "retention.rows.dropped{table=audit_log}", "retention.rows.dropped{table=delivery_attempts}", "retention.rows.dropped{table=inbox_state}",
                "retention.rows.dropped{table=ingress_answers}",
                "retention.rows.dropped{table=notifications}", "retention.rows.dropped{table=publish_periods}",
                "retention.rows.dropped{table=publish_sources}", "retention.rows.dropped{table=quarantined_events}",
                "retention.rows.dropped{table=received_numbers}", "retention.rows.dropped{table=replays}", "retention.rows.dropped{table=retention_runs}", "retention.rows.dropped{table=webhook_bodies}",
                "retention.rows.dropped{table=webhook_events}",
                "route.missing{exchange=Platform.Contracts:RegisterJob}", "route.missing{exchange=Platform.Contracts:WebhookQuarantined}",
                "route.missing{exchange=Platform.Contracts:WebhookReceived}", "route.missing{exchange=register-job_dead}",
                "route.missing{exchange=register-job_error}", "route.missing{exchange=register-job_skipped}",
                "route.missing{exchange=webhook-received_dead}", "route.missing{exchange=webhook-received_error}",
                "route.missing{exchange=webhook-received_skipped}",
                "telemetry.dropped{signal=log_records}", "telemetry.dropped{signal=spans}",
            ],
            all.Collect().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_backlog_that_could_not_be_read_is_not_reported()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        all.Backlog.Update(new DatabaseBacklog(3, TimeSpan.FromSeconds(7), 2, NearestExpiry: null));
        all.Backlog.Update([new NotificationBacklog("email", 4, TimeSpan.FromSeconds(9), 5)]);
        var read = all.Collect();
        all.Backlog.Update((DatabaseBacklog?)null);
        all.Backlog.Update((IReadOnlyList<NotificationBacklog>)[]);
        var unread = all.Collect();

        Assert.DoesNotContain("job.download.expiry{}", read.Keys);
        Assert.Equal((3, 7, 2), (read["outbox.backlog.messages{}"], read["outbox.oldest_message.age{}"], read["quarantined_events.stored{}"]));
        Assert.Equal(
            (4, 9, 5),
            (read["notification.waiting{channel=email}"], read["notification.oldest_due.age{channel=email}"], read["notification.parked{channel=email}"]));
        Assert.Equal(AlwaysReported, unread.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_channel_without_its_settings_is_reported_as_off()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        var reported = all.Collect();

        Assert.Equal((0, 1), (reported["notification.channel.configured{channel=email}"], reported["notification.channel.configured{channel=webhook}"]));
    }

    [Fact]
    public async Task Counters_start_at_zero()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        await all.Metrics.StartAsync(TestContext.Current.CancellationToken);
        await all.Telemetry.StartAsync(TestContext.Current.CancellationToken);
        all.Metrics.NotificationsBegin("email");
        all.Metrics.ReconcilingBegins();
        var reported = all.Collect();

        Assert.All(reported.Where(series => series.Key is not ("notification.channel.configured{channel=webhook}" or "inbox.concurrency_limit{}")), series => Assert.Equal(0, series.Value));
        Assert.Equal(
            [
                "database.sample.errors{}",
                "inbox.units.committed{outcome=duplicate}", "inbox.units.committed{outcome=erased}", "inbox.units.committed{outcome=new}",
                "inbox.units.committed{outcome=quarantined}", "inbox.units.committed{outcome=variant}",
                "inbox.units.parked{reason=poison}", "inbox.units.parked{reason=suspect}", "inbox.units.postponed{}",
                "notification.attempts{channel=email,status=delivered}", "notification.attempts{channel=email,status=parked}",
                "notification.attempts{channel=email,status=pending}", "notification.attempts{channel=email,status=superseded}",
                "outbox.messages.published{}",
                "reconcile.events.missed{event_type=audio.canceled}", "reconcile.events.missed{event_type=audio.completed}",
                "reconcile.events.missed{event_type=audio.errored}", "reconcile.events.missed{event_type=audio.started}",
                "reconcile.events.missed{event_type=image.canceled}", "reconcile.events.missed{event_type=image.completed}",
                "reconcile.events.missed{event_type=image.errored}", "reconcile.events.missed{event_type=image.started}",
                "reconcile.events.missed{event_type=video.canceled}", "reconcile.events.missed{event_type=video.completed}",
                "reconcile.events.missed{event_type=video.errored}", "reconcile.events.missed{event_type=video.started}",
                "reconcile.requests{result=answered}", "reconcile.requests{result=failed}", "reconcile.requests{result=key_rejected}",
                "reconcile.requests{result=not_found}", "reconcile.requests{result=refused}", "reconcile.requests{result=throttled}",
                "registrations.rejected{}",
                "telemetry.dropped{signal=log_records}", "telemetry.dropped{signal=spans}",
            ],
            reported.Keys.Except(AlwaysReported).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_age_of_an_event_is_measured_unless_a_person_released_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);
        UnitOfWork[] group =
        [
            Deliveries.Unit(Deliveries.Event("video.started", "live")),
            Deliveries.Unit(Deliveries.Event("video.started", "released") with { Origin = Origins.Replay }),
            Deliveries.Unit(Deliveries.NoEvent("{}")),
        ];

        all.Metrics.GroupCommitted(group, [CommitOutcome.New, CommitOutcome.New, CommitOutcome.Quarantined], TimeSpan.Zero, Deliveries.Noon.AddSeconds(4));

        Assert.Equal(8, all.Collect()["inbox.event.age{}"]);
    }

    [Fact]
    public async Task Group_sizes_are_measured_in_powers_of_two_and_durations_to_the_millisecond()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        var sizes = Assert.IsType<Histogram<long>>(all.Instruments["inbox.group.size"]).Advice?.HistogramBucketBoundaries;
        var times = Assert.IsType<Histogram<double>>(all.Instruments["inbox.group.duration"]).Advice?.HistogramBucketBoundaries;
        Assert.Equal(Enumerable.Range(0, 12).Select(exponent => 1L << exponent), sizes);
        Assert.Equal((0.001, 10), (times?[0], times?[^1]));
    }
}
