using System.Diagnostics.Metrics;
using Platform.Contracts;
using Processor.Worker.Backlog;
using Processor.Worker.Hosting;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>Dashboards and alerts know the metrics by name, unit and label.</summary>
public sealed class MetricsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_metrics_are_these_and_no_others()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        Assert.Equal(
            [
                ("database.outage", null),
                ("database.sample.errors", null),
                ("inbox.event.age", "s"),
                ("inbox.group.duration", "s"),
                ("inbox.group.size", "{unit}"),
                ("inbox.oldest_unit.age", "s"),
                ("inbox.units.committed", "{unit}"),
                ("inbox.units.parked", "{unit}"),
                ("inbox.units.waiting", "{unit}"),
                ("job.download.expiry", "s"),
                ("outbox.backlog.messages", null),
                ("outbox.messages.published", "{message}"),
                ("outbox.oldest_message.age", "s"),
                ("quarantined_events.stored", "{event}"),
                ("queue.consumers", "{consumer}"),
                ("queue.messages", "{message}"),
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
        all.Metrics.OutboxPublished(1);
        all.Metrics.SampleFailed();
        Array.ForEach(Enum.GetValues<TelemetrySignal>(), signal => all.Metrics.TelemetryDropped(signal, 1));
        all.Backlog.Show(new DatabaseBacklog(0, TimeSpan.Zero, 0, TimeSpan.Zero));
        all.Backlog.Show([.. Topology.Queues.Keys.Select(queue => new QueueDepth(queue, 0, 0))]);

        Assert.Equal(
            [
                "database.outage{}", "database.sample.errors{}", "inbox.event.age{}", "inbox.group.duration{}", "inbox.group.size{}",
                "inbox.oldest_unit.age{}",
                "inbox.units.committed{outcome=duplicate}", "inbox.units.committed{outcome=new}",
                "inbox.units.committed{outcome=quarantined}", "inbox.units.committed{outcome=variant}",
                "inbox.units.parked{reason=poison}", "inbox.units.parked{reason=suspect}",
                "inbox.units.waiting{}", "job.download.expiry{}", "outbox.backlog.messages{}", "outbox.messages.published{}", "outbox.oldest_message.age{}",
                "quarantined_events.stored{}",
                "queue.consumers{queue=webhook-received_dead}", "queue.consumers{queue=webhook-received_error}",
                "queue.consumers{queue=webhook-received_skipped}", "queue.consumers{queue=webhook-received}",
                "queue.messages{queue=webhook-received_dead}", "queue.messages{queue=webhook-received_error}",
                "queue.messages{queue=webhook-received_skipped}", "queue.messages{queue=webhook-received}",
                "telemetry.dropped{signal=log_records}", "telemetry.dropped{signal=spans}",
            ],
            all.Collect().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_backlog_that_could_not_be_read_is_not_told()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        all.Backlog.Show(new DatabaseBacklog(3, TimeSpan.FromSeconds(7), 2, NearestExpiry: null));
        var read = all.Collect();
        all.Backlog.Show((DatabaseBacklog?)null);
        var unread = all.Collect();

        Assert.DoesNotContain("job.download.expiry{}", read.Keys);
        Assert.Equal((3, 7, 2), (read["outbox.backlog.messages{}"], read["outbox.oldest_message.age{}"], read["quarantined_events.stored{}"]));
        Assert.Equal(["database.outage{}", "inbox.oldest_unit.age{}", "inbox.units.waiting{}"], unread.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_backlog_is_what_the_database_holds()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "a")),
            Deliveries.Unit(Completed("past", "2026-11-23T11:59:59Z")),
            Deliveries.Unit(Completed("next", "2026-11-23T13:00:00+01:00")),
            Deliveries.Unit(Completed("soon", "2026-11-23T12:01:00.000Z")),
            Deliveries.Unit(Completed("never", "when the cows come home")),
            Deliveries.Unit(Deliveries.NoEvent("{}")));
        await database.ExecuteAsync("update outbox_message set created_at = '2026-11-23 12:00:00Z' where id = (select min(id) from outbox_message)");

        Assert.Equal(new DatabaseBacklog(5, TimeSpan.FromSeconds(5), 1, TimeSpan.FromSeconds(55)), await ReadAsync(Deliveries.Noon.AddSeconds(5)));
        Assert.Equal(new DatabaseBacklog(5, TimeSpan.Zero, 1, TimeSpan.FromSeconds(4)), await ReadAsync(Deliveries.Noon.AddSeconds(-5)));
        Assert.Equal(new DatabaseBacklog(5, TimeSpan.FromDays(1), 1, null), await ReadAsync(Deliveries.Noon.AddDays(1)));

        static WebhookReceived Completed(string jobId, string expiresAt) => Deliveries.Event(
            $$"""{"type":"video.completed","payload":{"id":"{{jobId}}","downloads":[{"url":"https://v/{{jobId}}","expires_at":"{{expiresAt}}"}]} }""");

        async Task<DatabaseBacklog> ReadAsync(DateTimeOffset now)
        {
            await using var connection = await database.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
            await using var command = DatabaseBacklog.Select(now);
            command.Connection = connection;
            await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            await reader.ReadAsync(TestContext.Current.CancellationToken);
            return DatabaseBacklog.Read(reader, now);
        }
    }

    [Fact]
    public async Task The_age_of_an_event_is_told_unless_a_person_has_released_it()
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
    public async Task Groups_are_told_by_powers_of_two_and_their_time_to_the_millisecond()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var all = new AllMetrics(database);

        var sizes = Assert.IsType<Histogram<long>>(all.Instruments["inbox.group.size"]).Advice?.HistogramBucketBoundaries;
        var times = Assert.IsType<Histogram<double>>(all.Instruments["inbox.group.duration"]).Advice?.HistogramBucketBoundaries;
        Assert.Equal(Enumerable.Range(0, 12).Select(exponent => 1L << exponent), sizes);
        Assert.Equal((0.001, 10), (times?[0], times?[^1]));
    }
}
