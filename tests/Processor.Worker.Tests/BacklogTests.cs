using Platform.Contracts;
using Processor.Worker.Backlog;

namespace Processor.Worker.Tests;

/// <summary>The backlog metrics match the actual backlog.</summary>
public sealed class BacklogTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

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
            Deliveries.Unit(Completed("unset", "0001-01-01T00:00:00Z")),
            Deliveries.Unit(Completed("endless", "9999-12-31T23:59:59.9999999Z")),
            Deliveries.Unit(Completed("endless for once", "9999-12-31T00:00:00Z")),
            Deliveries.Unit(Deliveries.NoEvent("{}")));
        await database.ExecuteAsync("update outbox_message set created_at = '2026-11-23 12:00:00Z' where id = (select min(id) from outbox_message)");

        Assert.Equal(new DatabaseBacklog(8, TimeSpan.FromSeconds(5), 1, TimeSpan.FromSeconds(55)), await ReadAsync(database, Deliveries.Noon.AddSeconds(5)));
        Assert.Equal(new DatabaseBacklog(8, TimeSpan.Zero, 1, TimeSpan.FromSeconds(4)), await ReadAsync(database, Deliveries.Noon.AddSeconds(-5)));
        Assert.Equal(new DatabaseBacklog(8, TimeSpan.FromDays(1), 1, null), await ReadAsync(database, Deliveries.Noon.AddDays(1)));

        static WebhookReceived Completed(string jobId, string expiresAt) => Deliveries.Event(
            $$"""{"type":"video.completed","payload":{"id":"{{jobId}}","downloads":[{"url":"https://v/{{jobId}}","expires_at":"{{expiresAt}}"}]} }""");
    }

    [Fact]
    public async Task Retention_is_as_old_as_its_last_run_that_succeeded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var sinceMigration = await LastRetention.ReadAsync(database.Source, DateTimeOffset.UtcNow.AddDays(2), Cancel);
        await database.ExecuteAsync(
            """
            delete from retention_runs;
            insert into retention_runs values
                (gen_random_uuid(), 'all', '2026-11-23 03:17:00Z', '1 s', 0, null), (gen_random_uuid(), 'all', '2026-11-23 03:47:00Z', '1 s', 0, 'failed'),
                (gen_random_uuid(), 'webhook_bodies', '2026-11-23 03:57:00Z', '1 s', 0, null)
            """);

        Assert.InRange(sinceMigration.Age, TimeSpan.FromDays(2), TimeSpan.FromDays(3));
        Assert.Equal(new LastRetention(TimeSpan.FromHours(1)), await LastRetention.ReadAsync(database.Source, new(2026, 11, 23, 4, 17, 0, TimeSpan.Zero), Cancel));
    }

    [Fact]
    public async Task An_owner_waits_from_when_the_next_attempt_is_due()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            """
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at) values
                ('new', 'completed', 'email', 'pending', 0, '2026-11-23 12:00:00Z', '2026-11-23 12:00:00Z'),
                ('dead sender', 'completed', 'email', 'sending', 1, '2026-11-23 11:00:00Z', '2026-11-23 11:59:30Z'),
                ('again later', 'failed', 'webhook', 'pending', 9, '2026-11-23 09:00:00Z', '2026-11-23 14:00:00Z'),
                ('told', 'completed', 'webhook', 'delivered', 1, '2026-11-23 09:00:00Z', '2026-11-23 09:00:00Z'),
                ('given up', 'completed', 'webhook', 'parked', 15, '2026-11-22 09:00:00Z', '2026-11-23 09:00:00Z')
            """);

        Assert.Equal(
            [new NotificationBacklog("email", 2, TimeSpan.FromSeconds(40), 0), new NotificationBacklog("webhook", 1, TimeSpan.Zero, 1)],
            await NotificationBacklog.ReadAllAsync(database.Source, Deliveries.Noon.AddSeconds(10), Cancel));
        Assert.All(
            await NotificationBacklog.ReadAllAsync(database.Source, Deliveries.Noon.AddMinutes(-1), Cancel),
            backlog => Assert.Equal(TimeSpan.Zero, backlog.OldestDueAge));
    }

    [Fact]
    public async Task A_channel_without_waiting_notifications_is_reported_too()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        Assert.Equal(
            [new NotificationBacklog("email", 0, TimeSpan.Zero, 0), new NotificationBacklog("webhook", 0, TimeSpan.Zero, 0)],
            await NotificationBacklog.ReadAllAsync(database.Source, Deliveries.Noon, Cancel));
    }

    private static Task<DatabaseBacklog> ReadAsync(TestDatabase database, DateTimeOffset now) => DatabaseBacklog.ReadAsync(database.Source, now, Cancel);
}
