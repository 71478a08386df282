namespace Ingress.Api.Webhooks;

/// <summary>
/// Limits the memory for request bodies and the time to receive one. Half of the memory is reserved for
/// small bodies, which is what the sender sends, so that large ones never compete with them. When a half
/// is used up, the body that has been receiving longest is shed: its connection is aborted, and the newest
/// request continues. A request sent without pause is fully received long before it becomes the oldest.
/// </summary>
internal sealed class BodyBudget : IDisposable
{
    /// <summary>Maximum buffer size of a small body, in bytes; real ones have 1 to 2 kB.</summary>
    private const int SmallBuffer = 16 * 1024;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly Half _small;
    private readonly Half _large;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Action<ShedReason> _onShed;
    private readonly ITimer _sweep;

    /// <param name="maxBytes">Maximum size of all buffers together.</param>
    /// <param name="timeout">A body that takes longer to receive is shed, within half a second.</param>
    /// <param name="onShed">Counts a body that is shed.</param>
    public BodyBudget(long maxBytes, TimeSpan timeout, TimeProvider time, Action<ShedReason> onShed)
    {
        _small = new Half(maxBytes / 2);
        _large = new Half(maxBytes - maxBytes / 2);
        _timeout = timeout;
        _time = time;
        _onShed = onShed;
        _sweep = time.CreateTimer(_ => ShedLate(), null, SweepInterval, SweepInterval);
    }

    /// <summary>Starts receiving a body.</summary>
    /// <param name="bytes">Size of its first buffer.</param>
    /// <param name="abort">Aborts the connection; called at most once, and never after the body has been received or abandoned.</param>
    /// <returns>Null when bodies that have already been received hold all the memory.</returns>
    public BodyShare? TryBegin(int bytes, Action abort)
    {
        var share = new BodyShare(this, abort, _time.GetTimestamp());
        return TryGrow(share, bytes) ? share : null;
    }

    /// <summary>Reserves memory for a larger buffer that replaces the body's current one.</summary>
    /// <returns>False when the body was shed, or when bodies that have already been received hold the memory.</returns>
    internal bool TryGrow(BodyShare share, int bytes)
    {
        lock (_lock)
        {
            var half = bytes <= SmallBuffer ? _small : _large;
            var more = share.Half == half ? bytes - share.Bytes : bytes;
            while (!share.IsShed && half.Used + more > half.Max && half.Receiving.First is { } oldest)
            {
                Shed(oldest.Value, ShedReason.BudgetExhausted);
            }

            if (share.IsShed || half.Used + more > half.Max)
            {
                return false;
            }

            if (share.Half != half)
            {
                Leave(share);
                half.Enter(share);
            }

            half.Used += more;
            share.Bytes = bytes;
            return true;
        }
    }

    /// <summary>Marks the body as received: it keeps its memory and can no longer be shed.</summary>
    /// <returns>False when it was shed.</returns>
    internal bool TryComplete(BodyShare share)
    {
        lock (_lock)
        {
            share.Node.List?.Remove(share.Node);
            return !share.IsShed;
        }
    }

    internal void Release(BodyShare share)
    {
        lock (_lock)
        {
            Leave(share);
        }
    }

    public void Dispose() => _sweep.Dispose();

    private void ShedLate()
    {
        lock (_lock)
        {
            foreach (var share in _small.Receiving.Concat(_large.Receiving).Where(share => _time.GetElapsedTime(share.Began) >= _timeout).ToArray())
            {
                Shed(share, ShedReason.TimedOut);
            }
        }
    }

    // Abort within the lock: otherwise the connection might already serve its next request. The share of the budget is released slightly
    // before the buffer, which is in use until the pending read ends.
    private void Shed(BodyShare share, ShedReason reason)
    {
        Leave(share);
        share.IsShed = true;
        _onShed(reason);
        share.Abort();
    }

    private static void Leave(BodyShare share)
    {
        share.Node.List?.Remove(share.Node);
        if (share.Half is { } half)
        {
            half.Used -= share.Bytes;
            share.Half = null;
        }
    }

    /// <param name="max">Bytes.</param>
    internal sealed class Half(long max)
    {
        public long Max => max;

        public long Used { get; set; }

        /// <summary>Orders the bodies by start of receipt, oldest first, wherever a body was before.</summary>
        public LinkedList<BodyShare> Receiving { get; } = new();

        public void Enter(BodyShare share)
        {
            share.Half = this;
            var before = Receiving.Last;
            while (before is not null && before.Value.Began > share.Began)
            {
                before = before.Previous;
            }

            if (before is null)
            {
                Receiving.AddFirst(share.Node);
                return;
            }

            Receiving.AddAfter(before, share.Node);
        }
    }
}

/// <summary>Why a body was shed.</summary>
internal enum ShedReason
{
    /// <summary>Newer bodies needed its memory.</summary>
    BudgetExhausted,

    /// <summary>It took longer than <see cref="IngressOptions.ReceiveHalfTimeout"/>.</summary>
    TimedOut,
}

/// <summary>One body's share of the budget.</summary>
internal sealed class BodyShare : IDisposable
{
    private readonly BodyBudget _budget;

    public BodyShare(BodyBudget budget, Action abort, long began)
    {
        (_budget, Abort, Began) = (budget, abort, began);
        Node = new LinkedListNode<BodyShare>(this);
    }

    /// <summary>Aborts the connection.</summary>
    internal Action Abort { get; }

    internal long Began { get; }

    internal LinkedListNode<BodyShare> Node { get; }

    internal BodyBudget.Half? Half { get; set; }

    internal int Bytes { get; set; }

    internal bool IsShed { get; set; }

    /// <inheritdoc cref="BodyBudget.TryGrow"/>
    public bool TryGrow(int bytes) => _budget.TryGrow(this, bytes);

    /// <inheritdoc cref="BodyBudget.TryComplete"/>
    public bool TryComplete() => _budget.TryComplete(this);

    /// <summary>Releases the share.</summary>
    public void Dispose() => _budget.Release(this);
}
