using Processor.Worker.Accounting;
using Processor.Worker.Backlog;
using Processor.Worker.Inbox;
using static Processor.Worker.Tests.Accounts;

namespace Processor.Worker.Tests;

/// <summary>What ingresses reported as confirmed is compared with what has arrived.</summary>
public sealed class AccountingTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_arrived_is_added_to_the_period_in_which_it_was_published()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.CommitAsync([.. Batch(1, 3), Quarantined(4)]);
        await database.CommitAsync(Event(6), Event(7));

        await accounts.ReportAsync(through: 5);
        await accounts.AddAsync();
        Assert.Equal(["123456789abcdef 1-5 {[1,6)} {[1,4)} {[4,5)} {} {}"], await accounts.PeriodsAsync());
        Assert.Equal(["{[6,8)}"], await database.QueryAsync("select numbers::text from received_numbers"));
        await database.CommitAsync(Event(5));
        await accounts.ReportAsync(through: 8, seconds: 20);
        await accounts.AddAsync();

        Assert.Equal(
            ["123456789abcdef 1-5 {[1,6)} {[1,4),[5,6)} {[4,5)} {} {} complete", "123456789abcdef 6-8 {[6,9)} {[6,8)} {} {} {}"],
            await accounts.PeriodsAsync());
        Assert.Empty(await database.QueryAsync("select id from received_numbers"));
    }

    [Fact]
    public async Task Of_a_group_across_two_periods_each_part_is_added_once_its_period_is_reported()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.CommitAsync(Batch(1, 10));

        await accounts.ReportAsync(through: 4);
        await accounts.AddAsync();
        Assert.Equal(["123456789abcdef 1-4 {[1,5)} {[1,5)} {} {} {} complete"], await accounts.PeriodsAsync());
        await accounts.ReportAsync(through: 10, seconds: 20);
        await accounts.AddAsync();

        Assert.Equal(
            ["123456789abcdef 1-4 {[1,5)} {[1,5)} {} {} {} complete", "123456789abcdef 5-10 {[5,11)} {[5,11)} {} {} {} complete"],
            await accounts.PeriodsAsync());
    }

    [Fact]
    public async Task Whatever_became_of_a_message_it_has_arrived()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.ExecuteAsync($"insert into erased_jobs values ('job-{Source:x}-3', now())");
        var first = Deliveries.Event("video.completed", "job");

        await database.CommitAsync(Deliveries.Unit(first with { DeliveryId = Number(1).ToDeliveryId() }), Event(3));
        await database.CommitAsync(Deliveries.Unit(first with { DeliveryId = Number(2).ToDeliveryId() }));
        await database.CommitAsync(Deliveries.Unit(first));
        await accounts.ReportAsync(through: 3);
        await accounts.AddAsync();

        Assert.Equal(["123456789abcdef 1-3 {[1,4)} {[1,4)} {} {} {} complete"], await accounts.PeriodsAsync());
    }

    [Fact]
    public async Task A_report_that_is_repeated_or_overtaken_changes_nothing_and_one_that_was_lost_is_made_up_for()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);

        await accounts.ReportAsync(through: 9, seconds: 30, unconfirmed: [new(2, 3), new(7, 7)]);
        await accounts.ReportAsync(through: 5, seconds: 20, unconfirmed: [new(2, 3)]);
        await accounts.ReportAsync(through: 9, seconds: 40, unconfirmed: [new(2, 3), new(7, 7)]);
        await accounts.ReportAsync(through: 14, seconds: 50, unconfirmed: [new(13, 13)], after: 10);

        Assert.Equal(
            ["123456789abcdef 1-9 {[1,2),[4,7),[8,10)} {} {} {} {}", "123456789abcdef 11-14 {[11,13),[14,15)} {} {} {} {}"], await accounts.PeriodsAsync());
        Assert.Equal(["00:00:10"], await database.QueryAsync("select ended_at - began_at from publish_periods where first_number = 11"));
    }

    [Fact]
    public async Task Reports_that_two_workers_note_at_once_make_one_period()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);

        await Task.WhenAll(Enumerable.Range(1, 8).Select(i => accounts.ReportAsync(through: 10 + i % 2, seconds: 10 + i)));

        Assert.Equal(["11"], await database.QueryAsync("select sum(last_number - first_number + 1) from publish_periods"));
    }

    [Fact]
    public async Task A_confirmed_number_is_missing_after_the_patience_and_no_other_is()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        const long killed = 5;
        await database.CommitAsync([.. Batch(1, 10), .. Batch(15, 20), Event(99), Event(1, killed)]);
        await accounts.ReportAsync(through: 20, unconfirmed: [new(12, 13)]);
        await accounts.AddAsync();

        Assert.Equal(new MissingEvents(0, 0), await ReadAsync(secondsAfterReport: 299));
        Assert.Equal(new MissingEvents(2, 0), await ReadAsync(secondsAfterReport: 301));
        Assert.Equal(new MissingEvents(0, 0), await ReadAsync(secondsAfterReport: 2 * 86_400));
        await database.CommitAsync(Event(11), Event(14));
        await accounts.AddAsync();

        Assert.Equal(new MissingEvents(0, 0), await ReadAsync(secondsAfterReport: 301));

        Task<MissingEvents> ReadAsync(int secondsAfterReport) =>
            MissingEvents.ReadAsync(database.Source, Start.AddSeconds(10 + secondsAfterReport), TimeSpan.FromMinutes(5), Cancel);
    }

    [Fact]
    public async Task A_row_that_someone_deletes_is_missing_at_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.CommitAsync(Batch(1, 5));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "without a number")));
        await database.ExecuteAsync("update webhook_events set processed_at = now()");
        await accounts.ReportAsync(through: 5);
        await accounts.AddAsync();

        await database.ExecuteAsync($"delete from webhook_events where job_id in ('job-{Source:x}-2', 'without a number')");
        await accounts.AddAsync();

        Assert.Equal(["123456789abcdef 1-5 {[1,6)} {[1,6)} {} {} {[2,3)}"], await accounts.PeriodsAsync());
        Assert.Equal(new MissingEvents(0, 1), await MissingEvents.ReadAsync(database.Source, Start.AddSeconds(11), TimeSpan.FromMinutes(5), Cancel));
    }

    [Fact]
    public async Task What_retention_may_drop_is_not_missing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.CommitAsync(Batch(1, 2));
        await database.ExecuteAsync("update webhook_events set processed_at = now() - interval '45 days'");

        await database.ExecuteAsync("delete from webhook_events");

        Assert.Equal(["applied"], await database.QueryAsync("select distinct reception from received_numbers"));
    }

    [Fact]
    public async Task Old_accounts_expire_and_an_ingress_that_still_runs_keeps_its_place()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        using var retaining = new Retaining(database, new() { Accounting = TimeSpan.FromDays(7) });
        await accounts.ReportAsync(through: 10, source: 1);
        await accounts.ReportAsync(through: 20, source: 2);
        await database.CommitAsync(Event(5, source: 3));
        await database.ExecuteAsync(
            """
            update publish_periods set ended_at = now() - interval '8 days';
            update publish_sources set reported_at = now() - interval '8 days' where source = 1;
            update publish_sources set reported_at = now() where source = 2;
            update received_numbers set noted_at = now() - interval '8 days';
            insert into ingress_answers select source, now() - n * interval '1 day', n, 0, 0, 0, 0
            from generate_series(1, 2) source cross join generate_series(8, 10) n
            """);

        var dropped = await retaining.DropAsync();
        await accounts.ReportAsync(through: 21, source: 2);

        Assert.Equal(
            new SortedDictionary<string, long> { ["ingress_answers"] = 5, ["publish_periods"] = 2, ["publish_sources"] = 1, ["received_numbers"] = 1 }, dropped);
        Assert.Equal(["2 21-21 {[21,22)} {} {} {} {}"], await accounts.PeriodsAsync());
        Assert.Equal(["2 8"], await database.QueryAsync("select source || ' ' || accepted from ingress_answers"));
    }

    [Fact]
    public async Task Answers_are_kept_by_the_minute_and_only_when_they_change()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);

        await accounts.AnswerAsync(Start, [1, 0, 0, 0, 0]);
        await accounts.AnswerAsync(Start.AddSeconds(50), [3, 1, 0, 2, 0]);
        await accounts.AnswerAsync(Start.AddSeconds(40), [2, 1, 0, 2, 0]);
        await accounts.AnswerAsync(Start.AddSeconds(70), [3, 1, 0, 2, 0]);
        await accounts.AnswerAsync(Start.AddYears(100), [3, 1, 0, 2, 9], now: Start.AddSeconds(130));

        Assert.Equal(
            ["12:00 3 1 0 2 0", "12:02 3 1 0 2 9"],
            await database.QueryAsync(
                """
                select concat_ws(' ', to_char(minute at time zone 'UTC', 'HH24:MI'), accepted, late, quarantined, refused, unavailable)
                from ingress_answers order by minute
                """));
    }

    [Fact]
    public async Task Two_groups_with_numbers_of_the_same_sources_do_not_wait_for_each_other()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var open = await connection.BeginTransactionAsync(Cancel);
        await using var batch = new Npgsql.NpgsqlBatch(connection)
        {
            BatchCommands = { ReceivedNumbers.Insert([new Arrival(Number(1), Receptions.Applied)], Start) },
        };
        await batch.ExecuteNonQueryAsync(Cancel);

        var outcomes = await database.CommitAsync(Event(2)).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        await new Accounts(database).AddAsync().WaitAsync(TimeSpan.FromSeconds(10), Cancel);

        Assert.Equal([CommitOutcome.New], outcomes);
    }

    [Fact]
    public void Numbers_become_the_ranges_of_a_multirange() => Assert.Equal(
        ["{}", "{[7,7]}", "{[1,3],[5,5],[9,10]}"],
        [ReceivedNumbers.ToMultirange(Array.Empty<long>()), ReceivedNumbers.ToMultirange([7L]), ReceivedNumbers.ToMultirange([10L, 3, 1, 2, 5, 9, 2])]);
}
