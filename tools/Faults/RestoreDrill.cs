using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Api;
using Platform.Simulator.Truth;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>
/// Loses the database and the broker's disk, restores the database to a point in time, and compares what the accounting names with what is really lost: the deliveries that
/// the simulated Magic Hour got answered 2xx, and that are not in the restored tables.
/// </summary>
internal sealed class RestoreDrill(FaultContext context, TruthPlatform platform)
{
    private const int FirstJobs = 40;

    // Registrations may have waited this long in the queue, or for their confirm. Repeating one that is not lost has no effect.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Stopwatch _sinceDisaster = new();
    private DateTimeOffset _restoredTo;
    private DateTimeOffset _lostAt;
    private TimeSpan _restored;
    private TimeSpan _named;
    private int _confirmed;
    private int _registeredAgain;
    private HashSet<(string JobId, string Type)> _lost = [];
    private HashSet<PublishNumber> _known = [];

    /// <summary>The disaster, and the steps of docs/operations.md.</summary>
    public async Task LoseAndRestoreAsync()
    {
        await context.UntilAsync("jobs are created", () => Task.FromResult(platform.MagicHour.Jobs.All.Count >= FirstJobs));
        await platform.Servers.Backup!.TakeAsync(platform.Servers.Database, context.Cancel);
        await context.WaitAsync(context.Scaled(30, atLeast: 4));
        _restoredTo = (await QueryAsync("select now()", row => row.GetFieldValue<DateTimeOffset>(0)))[0];
        var reported = await ReadReportedAsync();
        await context.WaitAsync(context.Scaled(60, atLeast: 6));
        // Lost too: the ingress must repeat what it has reported already.
        await context.UntilAsync("a report is recorded after the restore point", async () => await ReadReportedAsync() > reported);
        await PostgresBackup.ArchiveAsync(platform.Database, context.Cancel);

        // A second ahead, so that messages wait in the queue.
        await Task.WhenAll(platform.Workers.Select(worker => worker.Process.KillAsync(context.Cancel)));
        await context.WaitAsync(TimeSpan.FromSeconds(1));
        var numbers = await ReadNumbersAsync();
        await Task.WhenAll(platform.Servers.Broker.Process.KillAsync(context.Cancel), platform.Servers.Database.Process.KillAsync(context.Cancel));
        _lostAt = TimeProvider.System.GetUtcNow();
        _sinceDisaster.Start();
        platform.Servers.Broker.LoseDisk();
        platform.Database.Clear();

        await platform.Servers.Backup.RestoreAsync(platform.Servers.Database, _restoredTo, context.Cancel);
        // Nothing can be confirmed while there is no broker: what is confirmed now was confirmed before the disaster.
        var confirmed = ReadConfirmed();
        var stored = await ReadStoredAsync();
        _confirmed = confirmed.Count;
        _lost = confirmed.Except(stored).ToHashSet();
        _known = numbers.Except(await ReadNumbersAsync()).ToHashSet();
        Expect(_known.Count > 0 && _lost.Count > _known.Count, $"{_lost.Count} deliveries are lost, {_known.Count} of them from tables: the fault had no effect");

        await platform.Servers.Broker.Process.StartAsync(context.Cancel);
        await Services.MigrateAsync(platform.RabbitMq, platform.Postgres, context.Cancel);
        await Task.WhenAll(platform.Workers.Select(worker => worker.Process.StartAsync(context.Cancel)));
        _restored = _sinceDisaster.Elapsed;
    }

    /// <summary>The accounting names as many as are lost, among them those whose number a table had.</summary>
    public async Task ExpectLostAreNamedAsync()
    {
        var named = await ReadNamedAsync();
        for (var waited = Stopwatch.StartNew(); named.Count < _lost.Count && waited.Elapsed < TimeSpan.FromMinutes(1); named = await ReadNamedAsync())
        {
            await context.WaitAsync(TimeSpan.FromMilliseconds(500));
        }

        _named = _sinceDisaster.Elapsed;
        ExpectExactly(named);
    }

    /// <summary>As the owners of applications do: what was registered since the restore point is lost with it.</summary>
    public async Task RegisterAgainAsync(TruthApplication application) =>
        _registeredAgain = await application.RegisterAgainAsync(_restoredTo - LongestWait, _lostAt + LongestWait, context.Cancel);

    /// <summary>At the end of the storm: the same numbers are named, the accounts balance, and what was repeated had the same id.</summary>
    /// <returns>The figures.</returns>
    public async Task<string> JudgeAsync(TruthReport report)
    {
        var delivered = ReadConfirmed();
        var stored = await ReadStoredAsync();
        Expect(delivered.Except(stored).All(_lost.Contains), "an event is lost that was confirmed after the restore");
        await context.UntilAsync(
            "all is accounted", async () => await ReadAccountsAsync() is var accounts && Sum(accounts, "accepted") == delivered.Count && Sum(accounts, "inFlight") == 0,
            TimeSpan.FromSeconds(30));
        var sums = await ReadAccountsAsync();
        Expect(Sum(sums, "applied") + _lost.Count == delivered.Count, $"{sums.GetProperty("sums")}");
        ExpectExactly(await ReadNamedAsync());
        var repeated = platform.Receiver.Received.CountBy(webhook => webhook.Id).Count(one => one.Value > 1);
        Expect(repeated == report.Verdict.Doubled.Count, $"{report.Verdict.Doubled.Count} owners were notified twice, {repeated} of them under the same id");
        var rebuild = await platform.RunVerbAsync(Simulator.Verdicts.RebuildCheck.Verb, context.Cancel);
        Expect(rebuild.Succeeded, $"rebuild --check: {rebuild.Output}{rebuild.Error}");
        var jobs = _lost.Select(one => one.JobId).Distinct().Count();
        return $"{_confirmed} confirmed before the disaster, {_lost.Count} lost ({_known.Count} from tables, {_lost.Count - _known.Count} from the queue), {_lost.Count} named after "
            + $"{_named.TotalSeconds:0} s, {jobs} jobs repaired, {_registeredAgain} registered again, {repeated} notifications repeated under the same id; "
            + $"database, broker and workers back after {_restored.TotalSeconds:0} s";
    }

    private void ExpectExactly(HashSet<PublishNumber> named)
    {
        Expect(named.Count == _lost.Count, $"{named.Count} are named, {_lost.Count} are lost");
        Expect(_known.IsSubsetOf(named), $"{_known.Except(named).Count()} lost numbers are not named");
    }

    private async Task<long> ReadReportedAsync() =>
        (await QueryAsync("select coalesce(max(last_number), 0) from publish_sources", row => row.GetInt64(0)))[0];

    private HashSet<(string JobId, string Type)> ReadConfirmed() => platform.MagicHour.Jobs.All
        .SelectMany(job => job.Events.Where(one => one.State is EventState.Delivered).Select(one => (job.Id, one.Type)))
        .ToHashSet();

    private async Task<HashSet<(string JobId, string Type)>> ReadStoredAsync() =>
        [.. await QueryAsync("select job_id, event_type from webhook_events", row => (row.GetString(0), row.GetString(1)))];

    private async Task<HashSet<PublishNumber>> ReadNumbersAsync() =>
        [.. (await QueryAsync("select delivery_id from webhook_events", row => PublishNumber.FromDeliveryId(row.GetGuid(0)))).OfType<PublishNumber>()];

    private async Task<HashSet<PublishNumber>> ReadNamedAsync() => (await ReadAccountsAsync()).GetProperty("missing").EnumerateArray()
        .SelectMany(range =>
        {
            var source = long.Parse(range.GetProperty("source").GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var first = range.GetProperty("first").GetInt64();
            return Enumerable.Range(0, range.GetProperty("count").GetInt32()).Select(i => new PublishNumber(source, first + i));
        })
        .ToHashSet();

    private async Task<JsonElement> ReadAccountsAsync()
    {
        var worker = platform.Workers[0];
        using var http = new HttpClient { BaseAddress = new Uri(worker.Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", worker.Key);
        return await http.GetFromJsonAsync<JsonElement>("/ops/accounting", context.Cancel);
    }

    private static long Sum(JsonElement accounts, string name) => accounts.GetProperty("sums").GetProperty(name).GetInt64();

    private async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using var command = platform.Database.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(context.Cancel);
        var list = new List<T>();
        while (await rows.ReadAsync(context.Cancel))
        {
            list.Add(read(rows));
        }

        return list;
    }
}
