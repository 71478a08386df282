using System.Diagnostics;

namespace Platform.LocalStack;

/// <summary>Waits for something to become true, looking again and again, within a bound.</summary>
public static class Waiting
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits for a daemon to serve.</summary>
    /// <exception cref="SetupException">It has ended, or does not serve within a minute; with the end of its log.</exception>
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

    /// <summary>Waits for a condition.</summary>
    /// <exception cref="TimeoutException">It did not become true in time.</exception>
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
