using Platform.Simulator.Api;
using Platform.Simulator.Truth;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Data is lost for good, and a backup is restored: the drill of docs/operations.md, "Backup and restore".</summary>
internal static class RestoreFaults
{
    private const int Jobs = 4000;
    private const int FewestJobs = 400;

    public static IEnumerable<Fault> All =>
    [
        new(
            "R01", "restore the database to a time before the disaster, which takes the broker's disk with it",
            "what was confirmed and is not in the backup is named by its number, nothing else; every job ends as Magic Hour knows", RestoreAsync)
        {
            Patience = TimeSpan.FromMinutes(20),
        },
    ];

    private static async Task<string> RestoreAsync(FaultContext context)
    {
        if (context.Lab.Broker is not NativeBroker)
        {
            throw new SkippedException("It has a broker of its own, which is always the native one.");
        }

        var settings = new TruthSettings
        {
            Seed = context.Seed,
            Jobs = Math.Max(FewestJobs, context.Scaled(Jobs)),
            Rate = 15,
            RequestsPerSecond = 25,
            // No late events, which the reconciler may find first: which delivery is lost would be ambiguous. No deletions and contradictions: once their webhook is lost,
            // no one can learn what it said.
            Shares = new FateShares { Errored = 0.1, Canceled = 0.02, Lost = 0.05 },
        };
        await using var platform = await TruthPlatform.StartAsync(settings, context.Cancel, withBackup: true);
        var drill = new RestoreDrill(context, platform);
        var storm = new TruthStorm(platform, settings, TextWriter.Null);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
        var creating = storm.Application.CreateAsync(() => Task.CompletedTask, ending.Token);
        try
        {
            await drill.LoseAndRestoreAsync();
            await drill.ExpectLostAreNamedAsync();
            await drill.RegisterAgainAsync(storm.Application);
            await creating;
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAny(creating);
        }

        var report = await storm.JudgeAsync(context.Cancel);
        Expect(report.Verdict.IsSettled && report.Verdict.Wrong.Count + report.Verdict.Forbidden.Count == 0, string.Join('\n', report.Lines));
        return $"{await drill.JudgeAsync(report)}; {report.Jobs} jobs in {report.Duration.TotalSeconds:0} s, all as at Magic Hour";
    }
}
