namespace Processor.Worker.Inbox;

/// <summary>
/// The deliveries on one channel of the broker that are not acknowledged yet; decides which acknowledgements to send. One acknowledgement
/// covers all deliveries before the first that is still open. A finished delivery behind it is acknowledged alone: an open delivery may
/// take as long as it likes without holding up any other.
/// </summary>
/// <remarks>
/// The broker numbers the deliveries of a channel from 1, without gaps. A tag below the greatest one finished so far has therefore been
/// delivered, and is open until it is finished or returned, even if this process has not begun to handle it: deliveries are dispatched
/// concurrently. There are at most as many as messages in flight.
/// </remarks>
internal sealed class DeliveryTags
{
    private readonly Lock _lock = new();
    private readonly SortedSet<ulong> _open = [];
    private readonly HashSet<ulong> _finished = [];

    // Above it, all are open.
    private ulong _greatest;

    /// <summary>The delivery may be acknowledged: it is committed, or moved to another queue. No effect unless it is open.</summary>
    public void Finish(ulong tag)
    {
        lock (_lock)
        {
            if (Close(tag))
            {
                _finished.Add(tag);
            }
        }
    }

    /// <summary>The delivery was returned to the queue: the broker no longer expects an acknowledgement.</summary>
    public void Return(ulong tag)
    {
        lock (_lock)
        {
            Close(tag);
            _finished.Remove(tag);
        }
    }

    /// <summary>True until the delivery is acknowledged or returned.</summary>
    public bool IsExpected(ulong tag)
    {
        lock (_lock)
        {
            return tag > _greatest || _open.Contains(tag) || _finished.Contains(tag);
        }
    }

    /// <summary>Removes all finished deliveries, for the caller to acknowledge.</summary>
    /// <returns>
    /// UpTo: the delivery to acknowledge together with all before it; null when there is none. Always one the broker expects: for any
    /// other, it closes the channel. Alone: the deliveries to acknowledge one by one.
    /// </returns>
    public (ulong? UpTo, IReadOnlyList<ulong> Alone) TakeFinished()
    {
        lock (_lock)
        {
            var firstOpen = _open.Count > 0 ? _open.Min : _greatest + 1;
            ulong? upTo = null;
            List<ulong> alone = [];
            foreach (var tag in _finished)
            {
                if (tag > firstOpen)
                {
                    alone.Add(tag);
                }
                else if (upTo is null || tag > upTo)
                {
                    upTo = tag;
                }
            }

            _finished.Clear();
            return (upTo, alone);
        }
    }

    /// <returns>False when it was closed before.</returns>
    private bool Close(ulong tag)
    {
        if (tag <= _greatest)
        {
            return _open.Remove(tag);
        }

        while (++_greatest < tag)
        {
            _open.Add(_greatest);
        }

        return true;
    }
}
