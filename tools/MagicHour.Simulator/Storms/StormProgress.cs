using System.Collections.Concurrent;

namespace Platform.Simulator.Storms;

/// <summary>The progress of a storm; may be read at any time.</summary>
public sealed class StormProgress
{
    private readonly ConcurrentDictionary<int, int> _byStatus = [];
    private int _sent;
    private int _unknown;
    private int _open;
    private int _retrying;
    private int _timesFull;

    /// <summary>Attempts that have begun.</summary>
    public int Sent => _sent;

    /// <summary>Attempts that ended without an answer.</summary>
    public int Unknown => _unknown;

    /// <summary>Requests awaiting their answer.</summary>
    public int Open => _open;

    /// <summary>Deliveries awaiting their next attempt.</summary>
    public int Retrying => _retrying;

    /// <summary>How often a request was delayed because too many were open; if so, the storm deviated from its plan.</summary>
    public int TimesFull => _timesFull;

    public IReadOnlyDictionary<int, int> ByStatus => _byStatus;

    public override string ToString()
    {
        var answers = _byStatus.OrderBy(one => one.Key).Select(one => $"{one.Value} × {one.Key}, ");
        return $"sent {Sent}: {string.Concat(answers)}{Unknown} unknown, {Open} open; {Retrying} awaiting a retry";
    }

    internal void WasFull() => Interlocked.Increment(ref _timesFull);

    internal void Began()
    {
        Interlocked.Increment(ref _sent);
        Interlocked.Increment(ref _open);
    }

    internal void Ended(int? status)
    {
        Interlocked.Decrement(ref _open);
        if (status is { } answer)
        {
            _byStatus.AddOrUpdate(answer, 1, (_, count) => count + 1);
        }
        else
        {
            Interlocked.Increment(ref _unknown);
        }
    }

    internal void WaitsForRetry() => Interlocked.Increment(ref _retrying);

    internal void Retries() => Interlocked.Decrement(ref _retrying);
}
