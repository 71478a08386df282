using System.Diagnostics.CodeAnalysis;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Limits the requests that reach the API in any second. A request arrives between its start and its end, so its slot is released a second
/// after its end: network delays cannot bunch more requests than the limit. They start evenly, not in bursts.
/// </summary>
/// <param name="perSecond">Maximum number of requests in any second.</param>
internal sealed class RequestBudget(int perSecond, TimeProvider time)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    private readonly List<Place> _taken = [];
    private readonly Lock _lock = new();
    private long? _lastStart;
    private int _urgent;

    /// <summary>The part of the budget that is in use, from 0 to 1.</summary>
    public double Used
    {
        get
        {
            lock (_lock)
            {
                _taken.RemoveAll(place => place.IsFree);
                return (double)_taken.Count / perSecond;
            }
        }
    }

    /// <summary>Returns when a request may start.</summary>
    /// <param name="isUrgent">It goes before all requests that are not.</param>
    /// <returns>To be disposed at the end of the request.</returns>
    public async Task<IDisposable> TakeAsync(bool isUrgent, CancellationToken cancellationToken)
    {
        AddUrgent(isUrgent ? 1 : 0);
        try
        {
            Place? place;
            while (!TryTake(isUrgent, out place))
            {
                await Task.Delay(LongestPause, time, cancellationToken);
            }

            return place;
        }
        finally
        {
            AddUrgent(isUrgent ? -1 : 0);
        }
    }

    private void AddUrgent(int count)
    {
        lock (_lock)
        {
            _urgent += count;
        }
    }

    private bool TryTake(bool isUrgent, [NotNullWhen(true)] out Place? place)
    {
        lock (_lock)
        {
            place = null;
            _taken.RemoveAll(taken => taken.IsFree);
            if (!isUrgent && _urgent > 0
                || _taken.Count == perSecond || _lastStart is { } last && time.GetElapsedTime(last) < Second / perSecond)
            {
                return false;
            }

            _lastStart = time.GetTimestamp();
            _taken.Add(place = new Place(time));
            return true;
        }
    }

    private sealed class Place(TimeProvider time) : IDisposable
    {
        private readonly long _start = time.GetTimestamp();
        private long? _end;

        // A request without an answer after a second has arrived; if slots waited for its end, hanging requests would use up the budget.
        public bool IsFree => _end is { } end && time.GetElapsedTime(end) >= Second || time.GetElapsedTime(_start) >= 2 * Second;

        public void Dispose() => _end ??= time.GetTimestamp();
    }
}
