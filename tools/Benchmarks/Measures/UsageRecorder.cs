namespace Platform.Benchmarks.Measures;

/// <summary>
/// Samples the usage of processes every half second, because the measured part of a run is only known afterwards.
/// </summary>
/// <param name="pids">Process ids by a name of the caller's choice.</param>
internal sealed class UsageRecorder(IReadOnlyDictionary<string, int> pids) : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly List<(DateTime At, Dictionary<string, Usage> Usage)> _records = [];
    private readonly CancellationTokenSource _over = new();
    private Task _recording = Task.CompletedTask;

    public UsageRecorder Start()
    {
        _recording = RecordAsync(_over.Token);
        return this;
    }

    /// <summary>The usage of a process between two times.</summary>
    public Usage Between(string name, DateTime from, DateTime to) => At(name, to).Since(At(name, from));

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _recording;
        _over.Dispose();
    }

    private async Task RecordAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            Record();
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Record();
    }

    private void Record()
    {
        var usage = pids.Keys.Zip(ProcessTree.Read(pids.Values)).ToDictionary(one => one.First, one => one.Second);
        lock (_records)
        {
            _records.Add((DateTime.UtcNow, usage));
        }
    }

    /// <summary>Interpolates linearly between the two samples around a time.</summary>
    private Usage At(string name, DateTime moment)
    {
        lock (_records)
        {
            var next = _records.FindIndex(record => record.At >= moment);
            if (next <= 0)
            {
                return _records[next < 0 ? ^1 : 0].Usage[name];
            }

            var (before, after) = (_records[next - 1], _records[next]);
            var share = (moment - before.At) / (after.At - before.At);
            var (low, high) = (before.Usage[name], after.Usage[name]);
            return new Usage(
                low.Cpu + ((high.Cpu - low.Cpu) * share),
                low.WrittenBytes + (long)((high.WrittenBytes - low.WrittenBytes) * share),
                low.ResidentBytes + (long)((high.ResidentBytes - low.ResidentBytes) * share));
        }
    }
}
