using Microsoft.Extensions.Options;

namespace Ingress.Api.Publishing;

/// <summary>
/// Opens when a publish has timed out, so that the next one fails immediately instead of waiting. It covers failures that the <see
/// cref="BrokerProbe"/> cannot see: a queue without its quorum, a link that carries data in one direction only, a client that hangs.
/// While the breaker is open, one publish at a time passes as a probe; the first answer closes it.
/// </summary>
internal sealed partial class PublishBreaker(IOptions<IngressOptions> options, TimeProvider time, ILogger<PublishBreaker> logger)
{
    private static readonly TimeSpan MinProbeInterval = TimeSpan.FromSeconds(1);

    // A probe ends when its budget does. The interval alone limits probes to one at a
    // time, so a lost probe cannot leave the breaker half open.
    private readonly TimeSpan _probeInterval = TimeSpan.FromTicks(Math.Max(MinProbeInterval.Ticks, options.Value.PublishBudget.Ticks));
    private readonly Lock _lock = new();
    private volatile TimeOuts? _timeOuts;
    private volatile bool _hasBeenAnswered;
    private long _openedAt;
    private long _probedAt;

    /// <summary>The publishes that have timed out since the last answer; null when the breaker is closed.</summary>
    public TimeOuts? TimeOuts => _timeOuts;

    /// <summary>Whether the broker has ever answered a publish of this process.</summary>
    public bool HasBeenAnswered => _hasBeenAnswered;

    /// <summary>Whether a publish may be attempted.</summary>
    public bool TryEnter()
    {
        if (_timeOuts is null)
        {
            return true;
        }

        lock (_lock)
        {
            if (_timeOuts is not null && time.GetElapsedTime(_probedAt) < _probeInterval)
            {
                return false;
            }

            _probedAt = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>Records that the broker answered a publish: confirmed, refused or returned it.</summary>
    public void Answered()
    {
        _hasBeenAnswered = true;
        if (_timeOuts is null)
        {
            return;
        }

        lock (_lock)
        {
            if (_timeOuts is { } timeOuts)
            {
                _timeOuts = null;
                LogClosed(logger, timeOuts.Count);
            }
        }
    }

    /// <summary>Records that a publish was not answered within its budget.</summary>
    public void TimedOut()
    {
        lock (_lock)
        {
            if (_timeOuts is not { } timeOuts)
            {
                _openedAt = _probedAt = time.GetTimestamp();
                _timeOuts = new TimeOuts(1, TimeSpan.Zero);
                LogOpened(logger);
                return;
            }

            _timeOuts = new TimeOuts(timeOuts.Count + 1, time.GetElapsedTime(_openedAt));
        }
    }

    [LoggerMessage(LogLevel.Warning, "A publish was not answered in time: refusing further ones, except one probe at a time")]
    private static partial void LogOpened(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Publishes are answered again, after {TimeOuts} timed out")]
    private static partial void LogClosed(ILogger logger, int timeOuts);
}

/// <summary>Consecutive publishes that have timed out.</summary>
/// <param name="Span">From the first to the last.</param>
internal sealed record TimeOuts(int Count, TimeSpan Span);
