using System.Diagnostics;
using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>
/// Creates jobs at a simulated Magic Hour, registers the owner of each, waits until the platform knows how all of them have ended, and judges.
/// </summary>
internal sealed class TruthStorm(TruthPlatform platform, TruthSettings settings, TextWriter output)
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ShowInterval = TimeSpan.FromSeconds(10);

    // Nothing may change for the time in which a job that is not found is believed to be deleted, and a queue of checks on top.
    private readonly TimeSpan _patience = (TimeSpan.FromHours(2) / settings.TimeCompression) + TimeSpan.FromMinutes(2);

    private readonly Stopwatch _began = Stopwatch.StartNew();
    private readonly Stopwatch _shown = Stopwatch.StartNew();

    /// <summary>The application whose jobs these are.</summary>
    public TruthApplication Application { get; } = new(platform, settings);

    public async Task<TruthReport> RunAsync(CancellationToken cancellationToken)
    {
        await Application.CreateAsync(() => ShowAsync(cancellationToken), cancellationToken);
        output.WriteLine($"All {settings.Jobs} jobs are created; waiting until the platform knows how each has ended ...");
        return await JudgeAsync(cancellationToken);
    }

    /// <summary>Waits until the platform knows how all jobs have ended, and judges.</summary>
    public async Task<TruthReport> JudgeAsync(CancellationToken cancellationToken)
    {
        var isSettled = await SettleAsync(cancellationToken);
        var cases = ReadCases();
        var evidence = await TruthEvidence.ReadAsync(platform.Database, cancellationToken);
        var calls = platform.MagicHour.Calls.Report();
        var verdict = TruthVerdict.Judge(cases, evidence, platform.Receiver.Received, calls, settings.RequestsPerSecond, isSettled);
        return TruthReport.Create(settings, platform.MagicHour.Jobs.All, evidence, calls, platform.Receiver.Received.Count, _began.Elapsed, verdict);
    }

    /// <returns>False when something is still pending although nothing has changed for a long time.</returns>
    private async Task<bool> SettleAsync(CancellationToken cancellationToken)
    {
        var last = (Right: -1, Pending: -1L);
        for (var unchanged = Stopwatch.StartNew(); unchanged.Elapsed < _patience; await Task.Delay(Poll, cancellationToken))
        {
            var progress = await ReadProgressAsync(cancellationToken);
            if (progress != last)
            {
                last = progress;
                unchanged.Restart();
            }

            if (progress.Right == settings.Jobs && progress.Pending == 0 && unchanged.Elapsed >= Calm)
            {
                return true;
            }

            await ShowAsync(cancellationToken);
        }

        return false;
    }

    private async Task ShowAsync(CancellationToken cancellationToken)
    {
        if (_shown.Elapsed < ShowInterval)
        {
            return;
        }

        _shown.Restart();
        var (right, pending) = await ReadProgressAsync(cancellationToken);
        var gets = platform.MagicHour.Calls.Report().ByMethod.GetValueOrDefault("GET");
        output.WriteLine(
            $"created {platform.MagicHour.Jobs.All.Count}, ended as at Magic Hour {right}, pending {pending}, notified {platform.Receiver.Received.Count}, asked {gets} times");
    }

    /// <summary>Jobs whose end is right, and what is still to come: events, checks and notifications.</summary>
    private async Task<(int Right, long Pending)> ReadProgressAsync(CancellationToken cancellationToken)
    {
        var evidence = await TruthEvidence.ReadAsync(platform.Database, cancellationToken);
        var events = platform.MagicHour.Jobs.All.Count(IsOpen);
        return (ReadCases().Count(one => one.Ends.Contains(evidence.Jobs.GetValueOrDefault(one.JobId))), events + evidence.Pending);
    }

    private static bool IsOpen(SimulatedJob job) =>
        job.EndsAt > TimeProvider.System.GetUtcNow() || job.Events.Any(one => one.State is EventState.Pending);

    private TruthCase[] ReadCases()
    {
        var now = TimeProvider.System.GetUtcNow();
        return [.. platform.MagicHour.Jobs.All.Select(job => TruthCase.From(job, now))];
    }
}
