using System.Collections.Concurrent;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Numbers the publishes of this process, and collects what became of them until the next report. Uses no lock, since every request passes here twice.
/// </summary>
internal sealed class PublishNumbers
{
    private readonly ConcurrentQueue<SettledPublish> _settled = new();
    private long _last;

    public long Source { get; } = PublishNumber.NewSource();

    /// <summary>Every number must be settled: no report goes beyond one that is not.</summary>
    public PublishNumber Next() => new(Source, Interlocked.Increment(ref _last));

    public void Settle(PublishNumber number, bool isConfirmed) => _settled.Enqueue(new SettledPublish(number.Number, isConfirmed));

    /// <summary>Takes what was settled since the last time, in no particular order.</summary>
    public IEnumerable<SettledPublish> Take()
    {
        while (_settled.TryDequeue(out var one))
        {
            yield return one;
        }
    }
}

/// <summary>What became of a publish.</summary>
/// <param name="IsConfirmed">False: it was refused, returned, lost or not answered in time, and its webhook got 503.</param>
internal readonly record struct SettledPublish(long Number, bool IsConfirmed);
