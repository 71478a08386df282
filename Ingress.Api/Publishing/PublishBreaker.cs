using Ingress.Api.Webhooks;
using Microsoft.Extensions.Options;

namespace Ingress.Api.Publishing;

/// <summary>
/// Opens when a publish has timed out, so that the next one need not find out by waiting. It is for what the
/// <see cref="BrokerMonitor"/> cannot see: a queue without its quorum, a link that takes and does not give, a client that hangs. While
/// it is open, one publish at a time is let through as a probe; the first answer closes it.
/// </summary>
internal sealed partial class PublishBreaker(IOptions<IngressOptions> options, TimeProvider time, ILogger<PublishBreaker> logger)
{
    private static readonly TimeSpan MinProbeInterval = TimeSpan.FromSeconds(1);

    // A probe is over when its budget is: the interval alone makes it one at a time, and no lost probe can leave the breaker half open.
    private readonly TimeSpan _probeInterval = TimeSpan.FromTicks(Math.Max(MinProbeInterval.Ticks, options.Value.PublishBudget.Ticks));
    private readonly Lock _lock = new();
    private volatile TimeOuts? _timeOuts;
    private volatile bool _hasBeenAnswered;
    private long _openedAt;
    private long _probedAt;

    /// <summary>The publishes that have timed out since the last answer; null when the breaker is closed.</summary>
    public TimeOuts? TimeOuts => _timeOuts;

    /// <summary>A publish of this process has been answered by the broker, at any time.</summary>
    public bool HasBeenAnswered => _hasBeenAnswered;

    /// <summary>Whether a publish may be tried.</summary>
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

    /// <summary>The broker has answered a publish: confirmed, refused or returned it.</summary>
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

    /// <summary>A publish has not been answered within its budget.</summary>
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

    [LoggerMessage(LogLevel.Warning, "A publish was not answered in time: further ones are refused, but for one at a time to see whether it is over")]
    private static partial void LogOpened(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "A publish was answered again, after {TimeOuts} were not")]
    private static partial void LogClosed(ILogger logger, int timeOuts);
}

/// <summary>Publishes in succession that have timed out.</summary>
/// <param name="Span">From the first to the last.</param>
internal sealed record TimeOuts(int Count, TimeSpan Span);
