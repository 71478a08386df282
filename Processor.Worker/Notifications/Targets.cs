namespace Processor.Worker.Notifications;

/// <summary>
/// Tracks webhook targets: limits the attempts in flight to each, and pauses those that do not answer. Any answer shows that a target is
/// no tarpit, even an error or a refused connection. Otherwise, with a target shared by several owners, one of them could pause it for
/// the others. A target whose last attempt went unanswered gets one attempt at a time, so that many such targets occupy one slot each,
/// however many notifications are due for them.
/// </summary>
/// <param name="inWork">Largest number of attempts in flight to one target.</param>
internal sealed class Targets(int inWork, TimeProvider time)
{
    /// <summary>Maximum number of targets remembered. A forgotten one starts anew; the dispatcher's lanes limit the slots it can occupy.</summary>
    public const int MostKnown = 10_000;

    // Slow attempts in flight to one target.
    private const int MaxSlow = 4;

    // Consecutive unanswered attempts before a target is paused.
    private const int MaxUnanswered = 5;

    private static readonly TimeSpan ShortWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, Target> _known = [];
    private readonly Lock _lock = new();
    private bool _hasRefused;

    public int Known => _known.Count;

    /// <summary>Starts an attempt; <see cref="Leave"/> ends it.</summary>
    /// <returns>Null when the attempt may start; otherwise how long to wait.</returns>
    public TargetWait? Enter(string name)
    {
        lock (_lock)
        {
            if (!_known.TryGetValue(name, out var target))
            {
                ForgetSome();
                _known.Add(name, target = new Target());
            }

            if (FindSilence(target) is { } silence)
            {
                _hasRefused = true;
                return silence;
            }

            if (target.InWork == inWork)
            {
                return new TargetWait(ShortWait, IsPaused: false);
            }

            target.SilentSince = target.InWork == 0 ? time.GetUtcNow() : target.SilentSince;
            target.InWork++;
            return null;
        }
    }

    /// <summary>Marks one attempt as slow.</summary>
    public void Slow(string name)
    {
        lock (_lock)
        {
            _known[name].Slow++;
        }
    }

    /// <param name="isAnswered">Null when the attempt was aborted before its time limit.</param>
    public void Leave(string name, bool isSlow, bool? isAnswered)
    {
        lock (_lock)
        {
            var target = _known[name];
            target.InWork--;
            target.Slow -= isSlow ? 1 : 0;
            if (isAnswered is not { } answered)
            {
                return;
            }

            target.IsTrusted = answered;
            target.SilentSince = answered ? time.GetUtcNow() : target.SilentSince;
            target.Unanswered = answered ? 0 : target.Unanswered + 1;
            var pause = FirstPause * Math.Pow(2, Math.Clamp(target.Unanswered - MaxUnanswered, 0, 10));
            target.PausedUntil = time.GetUtcNow() + (target.Unanswered < MaxUnanswered ? TimeSpan.Zero : pause < LongestPause ? pause : LongestPause);
        }
    }

    /// <summary>
    /// Decides, for due notifications in order, how long to wait before sending to a silent target, or null to send now. Of the
    /// notifications for a target limited to one attempt at a time, only the first is kept.
    /// </summary>
    /// <returns>Null when no target needs it.</returns>
    public Func<string, TargetWait?>? LookAhead()
    {
        lock (_lock)
        {
            if (!_hasRefused && _known.Values.All(target => FindSilence(target) is null))
            {
                return null;
            }

            _hasRefused = false;
        }

        var first = new HashSet<string>();
        return name =>
        {
            lock (_lock)
            {
                var target = _known.GetValueOrDefault(name);
                return target is not null && FindSilence(target) is { } silence ? silence
                    : target is not { IsTrusted: true } && !first.Add(name) ? new TargetWait(ShortWait, IsPaused: false)
                    : null;
            }
        };
    }

    private TargetWait? FindSilence(Target target)
    {
        var now = time.GetUtcNow();
        if (target.PausedUntil > now)
        {
            return new TargetWait(target.PausedUntil - now, IsPaused: true);
        }

        if (target.IsTrusted ? target.Slow < MaxSlow : target.InWork == 0)
        {
            return null;
        }

        // Doubles the silent time, so that notifications are deferred a few times instead of every second.
        var silent = now - target.SilentSince;
        return new TargetWait(silent > ShortWait ? silent : ShortWait, IsPaused: false);
    }

    private void ForgetSome()
    {
        if (_known.Count < MostKnown)
        {
            return;
        }

        Forget(target => target is { InWork: 0, Unanswered: 0 });
        // Forgets silent targets too when few others were left: otherwise every new target would trigger another scan.
        if (_known.Count > MostKnown / 2)
        {
            Forget(target => target.InWork == 0);
        }
    }

    private void Forget(Func<Target, bool> isForgotten)
    {
        foreach (var (name, _) in _known.Where(one => isForgotten(one.Value)).ToArray())
        {
            _known.Remove(name);
        }
    }

    private sealed class Target
    {
        public int InWork { get; set; }

        public int Slow { get; set; }

        public int Unanswered { get; set; }

        /// <summary>The last attempt that ran to its time limit or to an answer was answered.</summary>
        public bool IsTrusted { get; set; }

        /// <summary>When it last answered or, if later, when the first of the attempts in flight started.</summary>
        public DateTimeOffset SilentSince { get; set; }

        public DateTimeOffset PausedUntil { get; set; }
    }
}

/// <summary>How long to wait before sending to a target.</summary>
/// <param name="IsPaused">True when the target does not answer; false when it only has enough attempts in flight.</param>
internal readonly record struct TargetWait(TimeSpan Time, bool IsPaused);
