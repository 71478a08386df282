namespace Ingress.Api.Publishing;

/// <summary>Tracks whether the broker accepts messages, so that a request need not wait to find out.</summary>
internal sealed partial class BrokerHealth(TimeProvider time, ILogger<BrokerHealth> logger)
{
    private volatile BrokerState _state = BrokerState.Unknown;
    private long _stateSince;

    public BrokerState State => _state;

    /// <summary>How long the broker has been available without interruption; zero while it is unavailable.</summary>
    public TimeSpan AvailableFor => _state is BrokerState.Available ? time.GetElapsedTime(Volatile.Read(ref _stateSince)) : TimeSpan.Zero;

    /// <summary>Whether the queue has ever been seen, which shows that <c>migrate</c> has run.</summary>
    public bool HasSeenQueue { get; private set; }

    public void QueueSeen() => HasSeenQueue = true;

    public void TransitionTo(BrokerState state)
    {
        if (_state != state)
        {
            Volatile.Write(ref _stateSince, time.GetTimestamp());
            _state = state;
            LogState(logger, state);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The broker is now {State}")]
    private static partial void LogState(ILogger logger, BrokerState state);
}

/// <summary>The known state of the broker.</summary>
internal enum BrokerState
{
    /// <summary>Not known yet.</summary>
    Unknown,

    /// <summary>The broker accepts messages and the queue exists.</summary>
    Available,

    /// <summary>The broker is unreachable or does not answer.</summary>
    Unavailable,

    /// <summary>The broker blocks publishers because of an alarm (memory, disk).</summary>
    Blocked,

    /// <summary>The broker answers, but the topology is missing: <c>migrate</c> has not declared it, or it has been deleted.</summary>
    WithoutQueue,
}
