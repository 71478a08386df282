using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.DevStack;
using Processor.Worker.Inbox;
using Processor.Worker.Outbox;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary>A database on which retention runs, at a time of the test's choice.</summary>
internal sealed class Retaining(TestDatabase database, RetentionOptions options) : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    /// <summary>The shortest windows that are valid.</summary>
    public static RetentionOptions Shortest => new()
    {
        Bodies = TimeSpan.FromDays(7),
        Quarantine = TimeSpan.FromDays(14),
        Notifications = TimeSpan.FromDays(10),
        Events = TimeSpan.FromDays(44),
        Audit = TimeSpan.FromDays(7),
    };

    public SetTime Time { get; } = new();

    public GroupTransaction Transaction => new(database.Source, new OutboxSignal(Time), Time);

    public RetentionRun Run(TestDatabase? login = null, TimeProvider? time = null) => new(
        Options.Create(options),
        (login ?? database).Sessions,
        new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>()),
        time ?? Time,
        NullLogger<RetentionRun>.Instance);

    public Task<RunOutcome> RunAsync(Action<RetentionRecord>? show = null) =>
        Run().RunAsync(unlessSince: null, show ?? (_ => { }), TestContext.Current.CancellationToken);

    /// <summary>What a run has dropped, by table, without those of which it dropped nothing, and without the sum.</summary>
    public async Task<SortedDictionary<string, long>> DropAsync()
    {
        await Waiting.UntilAsync(
            "no run holds the lock",
            async () => await database.QueryAsync("select 1 from pg_stat_activity where datname = current_database() and application_name = 'processor-worker retention'") is [],
            TestContext.Current.CancellationToken);
        var dropped = new SortedDictionary<string, long>(StringComparer.Ordinal);
        Assert.Equal(
            RunOutcome.Succeeded,
            await RunAsync(record =>
            {
                if (record.Dropped > 0 && record.TableName != RetentionRecord.AllTables)
                {
                    dropped.Add(record.TableName, record.Dropped);
                }
            }));
        return dropped;
    }

    /// <summary>What a run would drop, by table, without those of which it would drop nothing.</summary>
    public async Task<SortedDictionary<string, long>> CountAsync()
    {
        var counted = new List<DroppedRows>();
        await Run().CountAsync(counted.Add, TestContext.Current.CancellationToken);
        return new(counted.Where(table => table.Rows > 0).ToDictionary(table => table.Table, table => table.Rows), StringComparer.Ordinal);
    }

    public async Task<IReadOnlyList<CommitOutcome>> CommitAsync(params UnitOfWork[] group) =>
        (await Transaction.CommitAsync(group, TestContext.Current.CancellationToken)).Outcomes;

    /// <summary>A body that is no event, received and committed now.</summary>
    public Task QuarantineAsync(string body)
    {
        var quarantined = Deliveries.NoEvent(body, Time.GetUtcNow());
        var unit = new UnitOfWork();
        unit.Begin(EventIdentity.FromBody(quarantined.BodySha256), ConsumerIds.Find<WebhookQuarantined>(), trace: default);
        unit.Quarantine(quarantined);
        return CommitAsync(unit);
    }

    /// <summary>An event that was received and committed now.</summary>
    public Task<IReadOnlyList<CommitOutcome>> CommitAsync(string type, string jobId) =>
        CommitAsync(Deliveries.Unit(Deliveries.Event(type, jobId, Time.GetUtcNow())));

    public Task NotifyAsync(string jobId, string status) => database.ExecuteAsync(
        $"""
        insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
        values ('{jobId}', 'completed', 'webhook', '{status}', 1, '{Time.GetUtcNow():O}', '{Time.GetUtcNow():O}')
        """);

    /// <summary>Creates the partitions of the last days, which <c>migrate</c> only does for the coming ones.</summary>
    public static Task CreatePartitionsAsync(TestDatabase database, int days) => database.ExecuteAsync(
        $"""
        do $$
        declare
            day date;
        begin
            for day in select generate_series((now() at time zone 'utc')::date - {days}, (now() at time zone 'utc')::date - 1, interval '1 day') loop
                execute format('create table if not exists %I partition of webhook_bodies for values from (%L) to (%L)',
                    'webhook_bodies_' || to_char(day, 'YYYYMMDD'), day::text || ' 00:00Z', (day + 1)::text || ' 00:00Z');
            end loop;
        end
        $$
        """);

    public static async Task<string[]> OldPartitionsAsync(TestDatabase database) => await database.QueryAsync(
        """
        select relname from pg_class join pg_inherits on inhrelid = oid
        where inhparent = 'webhook_bodies'::regclass and relname ~ '[0-9]{8}$' and right(relname, 8) < to_char(now() at time zone 'utc', 'YYYYMMDD')
        order by 1
        """);

    public void Dispose() => _services.Dispose();

    /// <summary>A clock that stands still, on a machine whose timers run.</summary>
    internal sealed class SetTime : TimeProvider
    {
        // Never later than now: the database refuses to drop what is not old by its own clock.
        private readonly DateTimeOffset _start = DateTimeOffset.UtcNow;
        private int _daysAgo;

        public void SetDaysAgo(int days) => _daysAgo = days;

        public override DateTimeOffset GetUtcNow() => _start.AddDays(-_daysAgo);
    }
}
