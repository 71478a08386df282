using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>Builds a plan: what happens to the jobs, and which events report it.</summary>
internal sealed class PlanDraft
{
    private const double MostForgeriesPerSecond = 5;

    private static readonly TimeSpan BetweenBursts = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);

    private readonly StormSettings _settings;
    private readonly Chance _chance;
    private readonly string _prefix;
    private readonly JobSource _jobs;
    private readonly DeliveryDraft _deliveries;
    private readonly TimeSpan _span;
    private readonly List<(string Type, MagicHourJob Job)> _told = [];

    public PlanDraft(StormSettings settings, DateTimeOffset now)
    {
        _settings = settings;
        _chance = new Chance(settings.Seed);
        _prefix = $"cm{Base36((uint)settings.Seed, 7)}{Base36((ulong)now.ToUnixTimeSeconds(), 6)}";
        _jobs = new JobSource(_chance, _prefix, now);
        _deliveries = new DeliveryDraft(settings, _chance);
        _span = TimeSpan.FromSeconds(settings.Events / settings.Rate);
    }

    private bool IsFull => _deliveries.Events.Count >= _settings.Events;

    public StormPlan Finish()
    {
        while (!IsFull)
        {
            if (_chance.Happens(_settings.Unusable))
            {
                AddUnusable();
            }
            else
            {
                AddJob();
            }
        }

        // The platform rate-limits an address with more than ten invalid signatures a second.
        var forgeries = Math.Min(_settings.Forgeries * _settings.Events, MostForgeriesPerSecond * _span.TotalSeconds);
        for (var i = 0; i < forgeries; i++)
        {
            AddForgery(isOfKnownJob: i % 2 == 0 && _told.Count > 0);
        }

        return new StormPlan(_settings, _prefix, _deliveries.Events, _deliveries.InOrder);
    }

    private void AddJob()
    {
        var (job, rendering) = _jobs.Next();
        var start = Arrival();
        var end = start + TimeSpan.FromTicks(Math.Min((rendering / _settings.TimeCompression).Ticks, _span.Ticks));
        var started = $"{job.Resource}.started";
        if (_chance.Happens(_settings.StartedLate))
        {
            AddEvent(started, job, end + _chance.Within(_span / 4), Irregularity.Late);
        }
        else if (_chance.Happens(_settings.Reordered))
        {
            AddEvent(started, job, end, Irregularity.Reordered);
            end = start;
        }
        else if (!_chance.Happens(_settings.StartedMissing))
        {
            AddEvent(started, job, start, Irregularity.None);
        }

        AddEnd(job, end);
    }

    private void AddEnd(MagicHourJob job, TimeSpan end)
    {
        var isCorrected = _chance.Happens(_settings.Corrected);
        var isErrored = isCorrected || _chance.Happens(_settings.Errored);
        if (isErrored)
        {
            AddEvent($"{job.Resource}.errored", job, end, Irregularity.None);
        }

        if (isCorrected || !isErrored)
        {
            AddEvent($"{job.Resource}.completed", job, isCorrected ? Later(end) : end, Irregularity.None);
        }

        if (_chance.Happens(_settings.UnknownTypes))
        {
            AddEvent(_chance.One(["project.deleted", $"{job.Resource}.archived"]), job, Later(end), Irregularity.UnknownType);
        }
    }

    private void AddEvent(string type, MagicHourJob job, TimeSpan at, Irregularity irregularity)
    {
        if (IsFull)
        {
            return;
        }

        var hasUnknownFields = _chance.Happens(_settings.UnknownFields);
        List<byte[]> bodies = [MagicHourEvent.Create(type, job, hasUnknownFields ? EventStyle.UnknownFields : EventStyle.Plain).Body];
        if (_chance.Happens(_settings.Variants))
        {
            bodies.AddRange(Variants(type, job).Take(1 + _chance.Number(2)));
        }

        _told.Add((type, job));
        _deliveries.Add(
            new StormEvent(type, job.Id, Expectation.Applied, bodies),
            at,
            irregularity is Irregularity.None && hasUnknownFields ? Irregularity.UnknownFields : irregularity);
    }

    /// <summary>Other bodies of the same event.</summary>
    private byte[][] Variants(string type, MagicHourJob job) => _chance.Shuffled(
        MagicHourEvent.Create(type, job, EventStyle.Indented).Body,
        MagicHourEvent.Create(type, job with { Name = "renamed meanwhile", AuthToken = _jobs.NewToken() }).Body,
        MagicHourEvent.Create(
            type,
            job with { DownloadsExpireAt = job.DownloadsExpireAt.AddHours(24), AuthToken = _jobs.NewToken() },
            EventStyle.UnknownFields | EventStyle.Indented).Body);

    private void AddUnusable()
    {
        var unusable = _chance.One(UnusableBody.All);
        var job = _jobs.NextPlain();
        _deliveries.Add(
            new StormEvent(unusable.Reason, job.Id, unusable.Expected, [unusable.Render(job)]), Arrival(), Irregularity.Unusable);
    }

    private void AddForgery(bool isOfKnownJob)
    {
        var (type, job) = isOfKnownJob ? _chance.One(_told) : ("video.completed", _jobs.NextPlain());
        var forged = MagicHourEvent.Create(type, job with { Name = "forged", AuthToken = "forged" });
        _deliveries.AddForgery(
            new StormEvent(type, job.Id, Expectation.Refused, [forged.Body]),
            _chance.Within(_span),
            _chance.One([Irregularity.WrongSecret, Irregularity.AlteredBody]));
    }

    /// <summary>A random moment of the storm, or one shared with other jobs.</summary>
    private TimeSpan Arrival()
    {
        var at = _chance.Within(_span);
        var between = BetweenBursts < _span / 2 ? BetweenBursts : _span / 2;
        return _chance.Happens(_settings.InBursts) ? Math.Floor(at / between) * between : at;
    }

    private TimeSpan Later(TimeSpan at) => at + _chance.Within(LongestPause);

    private static string Base36(ulong number, int length)
    {
        const string digits = "0123456789abcdefghijklmnopqrstuvwxyz";
        var text = new char[length];
        for (var i = length - 1; i >= 0; i--, number /= 36)
        {
            text[i] = digits[(int)(number % 36)];
        }

        return new string(text);
    }
}
