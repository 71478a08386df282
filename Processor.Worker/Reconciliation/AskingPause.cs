namespace Processor.Worker.Reconciliation;

/// <summary>
/// The pause of all requests: the API has failed or asked to slow down, an answer could not be published, or the key was rejected. A single
/// request then probes for recovery. All jobs share the pause: the API limits an account, and an outage concerns every job.
/// </summary>
internal sealed class AskingPause(MagicHourKey key, TimeProvider time)
{
    // The first failure costs a second, since one in ten may fail; an outage is probed every five minutes.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <summary>Interval for probing a rejected key that does not change.</summary>
    private static readonly TimeSpan KeyPause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private DateTimeOffset _until = DateTimeOffset.MinValue;
    private int _failures;
    private string? _rejectedKey;

    /// <summary>True from the rejection of a key until an answer with another, or the same one.</summary>
    public bool IsKeyRejected
    {
        get
        {
            lock (_lock)
            {
                return _rejectedKey is not null;
            }
        }
    }

    public bool IsOn
    {
        get
        {
            lock (_lock)
            {
                return time.GetUtcNow() < _until && (_rejectedKey is null || key.Current == _rejectedKey);
            }
        }
    }

    /// <summary>The last request failed: only one may be made at a time.</summary>
    public bool IsProbing
    {
        get
        {
            lock (_lock)
            {
                return _failures > 0 || _rejectedKey is not null;
            }
        }
    }

    /// <summary>Returns when a request may be made.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (IsOn)
        {
            await Task.Delay(PollInterval, time, cancellationToken);
        }
    }

    /// <summary>The API has answered.</summary>
    public void Succeed()
    {
        lock (_lock)
        {
            (_failures, _rejectedKey) = (0, null);
        }
    }

    /// <param name="retryAfter">How long the API asks to wait. Null when it does not.</param>
    public void Fail(TimeSpan? retryAfter)
    {
        lock (_lock)
        {
            // Requests that were in flight together fail together: they count once.
            if (!IsOn)
            {
                _failures++;
                Extend(FirstPause * Math.Min(Math.Pow(2, _failures - 1), LongestPause / FirstPause));
            }

            Extend(retryAfter ?? TimeSpan.Zero);
        }
    }

    /// <returns>True when the key was not rejected before.</returns>
    public bool RejectKey(string rejected)
    {
        lock (_lock)
        {
            var isNew = _rejectedKey != rejected;
            _rejectedKey = rejected;
            Extend(KeyPause);
            return isNew;
        }
    }

    private void Extend(TimeSpan pause)
    {
        var until = time.GetUtcNow() + pause;
        _until = until > _until ? until : _until;
    }
}
