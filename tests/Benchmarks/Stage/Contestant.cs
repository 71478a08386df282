using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Measures;
using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>A program that is measured, as a process of its own. Ends when disposed of, without being asked.</summary>
/// <param name="Port">Where it listens.</param>
internal sealed record Contestant(ServerProcess Process, int Port) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public int Pid => Process.Daemon.Pid;

    public string LogFile => Process.Daemon.LogFile;

    public double MemoryMegabytes => ProcessTree.Read(Pid)[0].ResidentBytes / 1e6;

    /// <summary>Waits for the rate that a consuming contestant measures by itself.</summary>
    public async Task<double> WaitForRateAsync(CancellationToken cancellationToken)
    {
        double? rate = null;
        await Waiting.UntilAsync(
            $"the rate of {Process.Name}",
            () =>
            {
                rate = Announcement.FindRate(LogFile);
                return Task.FromResult(rate is not null || !Process.IsAlive);
            },
            cancellationToken,
            Patience);
        return rate ?? throw new SetupException($"{Process.Name} has ended.\n{Process.Daemon.LogTail}");
    }

    public async ValueTask DisposeAsync() => await Process.KillAsync(CancellationToken.None);
}
