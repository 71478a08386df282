using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Measures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>A measured program as a separate process. Disposing kills it.</summary>
/// <param name="Port">The port it listens on.</param>
internal sealed record Contestant(ServerProcess Process, int Port) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public int Pid => Process.Daemon.Pid;

    public string LogFile => Process.Daemon.LogFile;

    public double MemoryMegabytes => ProcessTree.Read(Pid)[0].ResidentBytes / 1e6;

    /// <summary>Waits for the rate that a consuming contestant measures itself.</summary>
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
