namespace Processor.Worker.Notifications;

/// <summary>
/// The slow attempts in flight. When all places are taken, a new one aborts the longest-running one: it has had the most time, and
/// targets that are only a little slow finish before their turn comes.
/// </summary>
/// <param name="places">Largest number of slow attempts in flight.</param>
internal sealed class SlowLane(int places)
{
    private readonly LinkedList<CancellationTokenSource> _attempts = [];
    private readonly Lock _lock = new();

    /// <summary>Attempts enter at the same age, so the first in the list has run longest.</summary>
    /// <param name="breakOff">Cancelled at most once, and never after <see cref="Leave"/>.</param>
    public void Enter(CancellationTokenSource breakOff)
    {
        lock (_lock)
        {
            if (_attempts.Count == places && _attempts.First is { } longest)
            {
                _attempts.Remove(longest);
                longest.Value.Cancel();
            }

            _attempts.AddLast(breakOff);
        }
    }

    public void Leave(CancellationTokenSource breakOff)
    {
        lock (_lock)
        {
            _attempts.Remove(breakOff);
        }
    }
}
