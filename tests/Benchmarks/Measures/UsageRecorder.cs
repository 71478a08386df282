namespace Platform.Benchmarks.Measures;

/// <summary>
/// Writes down every half second what some processes have used, because which part of a run counts is only known afterwards.
/// </summary>
/// <param name="pids">By a name of the caller's.</param>
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

    /// <summary>What a process used between two moments.</summary>
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

    /// <summary>On the straight line between the two records that stand around a moment.</summary>
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
