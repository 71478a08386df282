using System.Diagnostics;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Faults;

/// <summary>What a fault works with: the lab, a storm to run meanwhile, and scaled time.</summary>
/// <param name="scale">Factor for the durations in the fault matrix: 1 for a full run, less for a quick one.</param>
internal sealed class FaultContext(Lab lab, int seed, double scale, CancellationToken cancellationToken)
{
    /// <summary>Upper bound for any answer: the publish budget plus an allowance for a slow machine.</summary>
    public static readonly TimeSpan AnswerBudget = TimeSpan.FromSeconds(5);

    public Lab Lab => lab;

    public int Seed => seed;

    public CancellationToken Cancel => cancellationToken;

    /// <summary>A duration from the fault matrix, scaled for this run.</summary>
    public TimeSpan Scaled(double seconds, double atLeast = 1) => TimeSpan.FromSeconds(Math.Max(seconds * scale, atLeast));

    /// <summary>A count from the fault matrix, scaled for this run.</summary>
    public int Scaled(int count) => Math.Max(1, (int)(count * scale));

    public Task WaitAsync(TimeSpan time) => Task.Delay(time, cancellationToken);

    /// <summary>Waits until a condition holds.</summary>
    public Task UntilAsync(string what, Func<Task<bool>> isTrue, TimeSpan? patience = null) =>
        Waiting.UntilAsync(what, isTrue, cancellationToken, patience);

    public static void Expect(bool isTrue, string otherwise)
    {
        if (!isTrue)
        {
            throw new UnexpectedException(otherwise);
        }
    }

    /// <summary>
    /// Runs a storm until the fault is over and every event is answered 2xx, then judges it. Every answer must arrive within the budget, and
    /// the verdict must be clean.
    /// </summary>
    /// <param name="fault">Starts once the first events have been sent.</param>
    /// <param name="receiver">Receives the notifications of all jobs; half of the owners are registered before the fault, half after it. Null: no owners.</param>
    /// <param name="target">Where the storm is sent; by default the load balancer.</param>
    public async Task<StormReport> StormAsync(StormSettings settings, Func<Task> fault, WebhookReceiver? receiver = null, StormTarget? target = null)
    {
        var plan = StormPlan.Create(settings with { Seed = seed, TimeCompression = 120 }, TimeProvider.System.GetUtcNow());
        var owners = receiver is null ? null : new Owners(plan, lab.Broker.Uri, receiver);
        await (owners?.RegisterFirstAsync(cancellationToken) ?? Task.CompletedTask);
        using var storm = new Storm(plan, [target ?? lab.Target], TimeProvider.System);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = storm.RunAsync(ending.Token);
        try
        {
            await UntilAsync("the storm has begun", () => Task.FromResult(storm.Ledger.Attempts.Count >= Math.Min(20, plan.Deliveries.Count)));
            await fault();
            await (owners?.RegisterOthersAsync(cancellationToken) ?? Task.CompletedTask);
            await running;
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAny(running);
        }

        var options = new VerdictOptions { Notified = owners?.Notified, Rejected = owners?.Rejected ?? [], Registered = owners?.JobIds };
        var verdict = await Verdict.JudgeAsync(storm.Ledger, lab.Postgres, lab.Broker.Uri, options, cancellationToken);
        var report = new StormReport(StormSummary.FromLedger(storm.Ledger), storm.Ledger, verdict);
        Expect(verdict.IsClean && verdict.IsSettled, string.Join('\n', verdict.Lines));
        Expect(report.Summary.GivenUp == 0, $"{report.Summary.GivenUp} events were never accepted");
        Expect(report.SlowestAnswer <= AnswerBudget, $"an answer took {report.SlowestAnswer.TotalSeconds:0.0} s");
        await ExpectRebuildIsCleanAsync();
        await ExpectAccountsBalanceAsync();
        return report;
    }

    /// <summary>Every row of <c>jobs</c> is what the stored events say, also those of earlier faults.</summary>
    public async Task ExpectRebuildIsCleanAsync()
    {
        var check = await lab.RunVerbAsync(RebuildCheck.Verb, cancellationToken);
        Expect(check.Succeeded, $"rebuild --check: {check.Output}{check.Error}");
    }

    /// <summary>Everything that an ingress reported as confirmed has arrived, or is parked; also that of earlier faults.</summary>
    private async Task ExpectAccountsBalanceAsync()
    {
        var open = await Accounts.CountOpenAtRestAsync(lab.Postgres, cancellationToken);
        Expect(open == 0, $"{open} accepted events have not arrived, or were deleted");
    }

    /// <summary>Runs a storm without owners.</summary>
    public Task<StormReport> StormAsync(int events, double rate, Func<Task> fault) => StormAsync(new StormSettings { Events = events, Rate = rate }, fault);

    /// <summary>Sends one event through the load balancer.</summary>
    /// <returns>The status and the duration.</returns>
    public async Task<(int Status, TimeSpan Duration)> SendAsync(byte[]? body = null, string? url = null)
    {
        using var sender = new Sender(url ?? lab.Target.Url, lab.Target.Secret, TimeProvider.System);
        var began = Stopwatch.GetTimestamp();
        using var response = await sender.SendAsync(body ?? NewEvent().Body, cancellationToken);
        return ((int)response.StatusCode, Stopwatch.GetElapsedTime(began));
    }

    /// <summary>Sends bodies through the load balancer, as fast as they are accepted: each must be.</summary>
    public async Task SendAllAsync(IEnumerable<byte[]> bodies)
    {
        const int atOnce = 32;
        using var sender = new Sender(lab.Target.Url, lab.Target.Secret, TimeProvider.System);
        await Parallel.ForEachAsync(bodies, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellationToken }, async (body, token) =>
        {
            using var response = await sender.SendAsync(body, token);
            Expect((int)response.StatusCode == 200, $"an event was answered {(int)response.StatusCode}");
        });
    }

    /// <summary>A raw client for the load balancer.</summary>
    public Wire OpenWire(string? url = null) => new(new Uri(url ?? lab.Target.Url), lab.Target.Secret, cancellationToken);

    /// <summary>Counts the events of jobs whose id matches a pattern.</summary>
    public async Task<long> CountEventsAsync(string jobIds)
    {
        await using var command = lab.Database.CreateCommand("select count(*) from webhook_events where job_id like $1");
        command.Parameters.AddWithValue(jobIds);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Checks that parked messages carry their reason and are applied after release.</summary>
    public async Task<string> ReleaseAsync(int parked, string reason)
    {
        await UntilAsync($"{parked} parked", async () => await lab.CountParkedAsync(cancellationToken) == parked);
        var release = (await lab.RunVerbAsync(["release", "--error"], cancellationToken)).ThrowIfFailed("release");
        Expect(release.Output.Contains(reason, StringComparison.Ordinal), $"the reason is not '{reason}': {release.Output}");
        await UntilAsync("released messages are applied", async () =>
            await lab.CountReadyAsync(cancellationToken) == 0 && await lab.CountParkedAsync(cancellationToken) == 0);
        return "parked, released";
    }

    /// <summary>The status of a GET.</summary>
    public async Task<int> GetAsync(string url)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(url, cancellationToken);
        return (int)response.StatusCode;
    }

    /// <summary>Waits for the first 200 and returns the time it took.</summary>
    public async Task<TimeSpan> RecoveryAsync(TimeSpan within)
    {
        var began = Stopwatch.GetTimestamp();
        await UntilAsync("an event is accepted again", async () => (await SendAsync()).Status == 200, within);
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Nothing in <c>_error</c>, <c>_skipped</c> or the dead letters.</summary>
    public static void ExpectNothingParked(StormReport report) =>
        Expect(report.Verdict.Parked.Count + report.Verdict.Dead.Count == 0, $"{report.Verdict.Parked.Count} parked, {report.Verdict.Dead.Count} dead");

    public static MagicHourEvent NewEvent(string type = "video.completed", string? jobId = null) =>
        MagicHourEvent.Create(type, jobId, TimeProvider.System.GetUtcNow());
}

/// <summary>The result of a storm.</summary>
internal sealed record StormReport(StormSummary Summary, Ledger Ledger, Verdict Verdict)
{
    /// <summary>The slowest of all answered requests.</summary>
    public TimeSpan SlowestAnswer { get; } =
        Ledger.Attempts.Where(attempt => attempt.Status is not null).Select(attempt => attempt.Duration).DefaultIfEmpty().Max();

    /// <summary>Attempts with a valid signature.</summary>
    public IReadOnlyList<Attempt> Genuine { get; } =
        [.. Ledger.Attempts.Where(attempt => Ledger.Events[attempt.Event].Expected is not Expectation.Refused)];

    /// <summary>99 % of the genuine attempts, answered or not, ended within this time.</summary>
    public TimeSpan GenuineP99 => Genuine.Select(attempt => attempt.Duration).Order().ElementAtOrDefault(Math.Max(0, Genuine.Count * 99 / 100 - 1));

    public int CountStatus(int status) => Summary.ByStatus.GetValueOrDefault(status);

    /// <summary>The figures for the report.</summary>
    public override string ToString() =>
        $"{Summary.Accepted} accepted in {Summary.Attempts} attempts ({string.Join(", ", Summary.ByStatus.Select(one => $"{one.Value} × {one.Key}"))}"
        + $"{Count(Summary.Unknown, "unknown")}), slowest {SlowestAnswer.TotalSeconds:0.0} s, {Verdict.Duplicates} duplicates{Count(Verdict.Ghosts.Count, "ghosts")}";

    private static string Count(int count, string what) => count == 0 ? "" : $", {count} {what}";
}
