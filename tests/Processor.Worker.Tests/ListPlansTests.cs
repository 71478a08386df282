using Microsoft.AspNetCore.Http;
using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Operations;
using Processor.Worker.Rebuild;

namespace Processor.Worker.Tests;

/// <summary>The lists of the operations API read tables that grow for ever: PostgreSQL must find each page by an index, in its order.</summary>
public sealed class ListPlansTests(PostgresFixture postgres)
{
    private const int Rows = 60_000;

    private static readonly Cursor Middle = new(new DateTimeOffset(2026, 11, 20, 0, 0, 0, TimeSpan.Zero), $"{Guid.Empty}");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_list_of_events_reads_the_whole_table_or_sorts_it()
    {
        await using var database = await FillAsync();
        EventFilter[] filters =
        [
            new(),
            new() { Type = "video.completed" },
            new() { Type = "rare" },
            new() { Job = "j17" },
            new() { Late = true },
            new() { Late = false },
            new() { Origin = "live" },
            new() { Origin = "reconcile" },
            new() { Trace = "ffffffffffffffffffffffffffffffff" },
            new() { From = Middle.At.AddHours(-1), To = Middle.At },
            new() { Type = "video.completed", Late = true, From = Middle.At },
        ];

        foreach (var (filter, after) in filters.SelectMany(filter => new[] { (filter, (Cursor?)null), (filter, Middle) }))
        {
            var plan = await ExplainAsync(database, connection => EventReader.SelectPage(connection, filter, after, 200));

            Assert.DoesNotContain("Seq Scan on webhook_events", plan, StringComparison.Ordinal);
            // A few rows of one job or trace may be sorted.
            Assert.True(filter.Job is not null || filter.Trace is not null || !plan.Contains("Sort", StringComparison.Ordinal), $"{filter}\n{plan}");
        }
    }

    [Fact]
    public async Task The_feed_reads_the_index_of_transactions_or_that_of_the_job()
    {
        await using var database = await FillAsync();
        await database.ExecuteAsync(
            """
            update webhook_events set transaction_id = numbered.transaction_id
            from (select event_id, (row_number() over () / 20)::text::xid8 as transaction_id from webhook_events) as numbered
            where webhook_events.event_id = numbered.event_id;
            analyze webhook_events
            """);
        var end = new FeedPosition(ulong.MaxValue, Guid.Empty);

        foreach (var after in new ulong[] { 0, Rows / 40, (Rows / 20) - 1 })
        {
            var start = new FeedPosition(after, Guid.Empty);
            var all = await ExplainAsync(database, connection => EventFeed.SelectPage(connection, new EventFilter { Type = "rare" }, null, start, end));
            var ofJob = await ExplainAsync(database, connection => EventFeed.SelectPage(connection, new EventFilter { Job = "j17" }, null, start, end));

            Assert.Contains("webhook_events_transaction_id", all, StringComparison.Ordinal);
            Assert.DoesNotContain("Seq Scan", all + ofJob, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("?status=completed")]
    [InlineData("?status=failed")]
    [InlineData("?status=rendering")]
    [InlineData("?user=u17")]
    [InlineData("?resource=video")]
    [InlineData("?overdue=true")]
    [InlineData("?from=2026-11-19T00:00:00Z&to=2026-11-20T00:00:00Z")]
    public async Task No_list_of_jobs_reads_the_whole_table(string query)
    {
        await using var database = await FillAsync();
        var request = new DefaultHttpContext { Request = { QueryString = new QueryString(query) } }.Request;

        foreach (var after in new[] { null, Middle })
        {
            var plan = await ExplainAsync(database, connection => JobList.SelectPage(connection, JobList.Read(new ListQuery(request.Query)), after, 200));

            Assert.DoesNotContain("Seq Scan on jobs", plan, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_page_of_a_rebuild_reads_a_whole_table()
    {
        await using var database = await FillAsync();
        await database.ExecuteAsync(
            "insert into job_registrations (job_id, resource, user_id, registered_at) select magic_hour_id, resource, user_id, created_at from jobs; analyze job_registrations");

        foreach (var after in new[] { "", "j4" })
        {
            var plan = await ExplainAsync(database, connection => RebuildRun.SelectPage(connection, after));

            Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
        }
    }

    private async Task<TestDatabase> FillAsync()
    {
        var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            $"""
            insert into webhook_events (event_id, event_type, job_id, received_at, sent_at, processed_at, late, origin, secret_name, delivery_id, trace_id, body_sha256)
            select gen_random_uuid(), case when i % 10000 = 0 then 'rare' when i % 2 = 0 then 'video.started' else 'video.completed' end, 'j' || i / 2, at, at, at,
                   i % 1000 = 0, case when i % 2000 = 0 then 'reconcile' else 'live' end, '0', gen_random_uuid(), md5(i::text), '\x00'
            from (select i, timestamptz '2026-11-25' - i * interval '20 s' as at from generate_series(1, {Rows}) as i) as numbered;
            insert into jobs (magic_hour_id, resource, status, user_id, created_at, updated_at)
            select 'j' || i, 'video', case when i % 1000 = 0 then 'failed' when i % 500 = 0 then 'rendering' else 'completed' end, 'u' || i % 1000, at, at
            from (select i, timestamptz '2026-11-25' - i * interval '20 s' as at from generate_series(1, {Rows}) as i) as numbered;
            analyze webhook_events; analyze jobs
            """);
        return database;
    }

    private static async Task<string> ExplainAsync(TestDatabase database, Func<NpgsqlConnection, NpgsqlCommand> create)
    {
        // In the sessions of the lists.
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Options = OperationsDatabase.Limits.Options };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(Cancel);
        await using var command = create(connection);
        command.CommandText = $"explain {command.CommandText}";
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        var plan = new List<string>();
        while (await rows.ReadAsync(Cancel))
        {
            plan.Add(rows.GetString(0));
        }

        return string.Join('\n', plan);
    }
}
