using System.Diagnostics;

namespace Platform.IntegrationTests;

/// <summary>The share of the machine's CPUs available to the tests beside its other load.</summary>
internal static class MachineShare
{
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(1);

    /// <summary>Keeps every core busy for a second.</summary>
    /// <returns>The share of that time in which the threads ran: 1 on an idle machine.</returns>
    public static double Measure()
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Spin))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        process.Refresh();
        return Math.Min(1, (process.TotalProcessorTime - before) / (watch.Elapsed * Environment.ProcessorCount));

        void Spin()
        {
            while (watch.Elapsed < Sample)
            {
                Thread.SpinWait(1000);
            }
        }
    }
}
