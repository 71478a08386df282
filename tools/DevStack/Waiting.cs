using System.Diagnostics;

namespace Platform.DevStack;

/// <summary>Polls until a condition holds, within a time limit.</summary>
public static class Waiting
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    // Generous, because it only delays a failure and a loaded machine may be many times slower.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Waits until a daemon serves.</summary>
    /// <exception cref="SetupException">The daemon has ended or does not serve within three minutes; the message has the end of its log.</exception>
    public static async Task UntilAsync(string what, Daemon daemon, Func<Task<bool>> isTrue, CancellationToken cancellationToken)
    {
        var waited = Stopwatch.StartNew();
        while (!await isTrue())
        {
            if (!daemon.IsAlive || waited.Elapsed > Patience)
            {
                var failure = daemon.IsAlive ? "does not answer" : "has ended";
                await daemon.KillAsync(cancellationToken);
                throw new SetupException($"{what} {failure}.\n{daemon.LogTail}");
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>Waits until a condition holds.</summary>
    /// <exception cref="TimeoutException">The condition did not hold in time.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> isTrue, CancellationToken cancellationToken, TimeSpan? patience = null)
    {
        var waited = Stopwatch.StartNew();
        while (!await isTrue())
        {
            if (waited.Elapsed > (patience ?? Patience))
            {
                throw new TimeoutException($"Not within {patience ?? Patience}: {what}.");
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }
}
