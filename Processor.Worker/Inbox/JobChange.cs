using Processor.Worker.Events;
using Processor.Worker.Jobs;

namespace Processor.Worker.Inbox;

/// <summary>What a group changes about one job: new events, and facts of known events that have grown.</summary>
internal sealed class JobChange(string jobId)
{
    private readonly List<UnitOfWork> _added = [];
    private readonly List<JobFact> _known = [];
    private readonly List<JobFact> _current = [];
    private Dictionary<Guid, JobFact>? _amended;

    /// <summary>A new event of the job.</summary>
    /// <param name="unit">Has a fact.</param>
    /// <exception cref="InvalidOperationException">The group has the event already.</exception>
    public void Add(UnitOfWork unit)
    {
        if (Find(unit.Event!.EventId) is not null)
        {
            throw new InvalidOperationException($"Two messages of one group are the event {unit.Event.EventId}.");
        }

        _added.Add(unit);
        _current.Add(unit.Fact!);
    }

    /// <summary>The fact of a known event has grown.</summary>
    public void Amend(Guid eventId, JobFact fact) => (_amended ??= []).Add(eventId, fact);

    /// <summary>An event of the job that was committed before, once all amendments are known.</summary>
    public void Add(KnownEvent known)
    {
        if (known.Fact is { } fact)
        {
            _known.Add(fact);
            _current.Add(_amended?.GetValueOrDefault(known.EventId) ?? fact);
        }
    }

    public Job ToJob() => Job.From(jobId, _current);

    /// <inheritdoc cref="JobTransition.Between"/>
    public IEnumerable<JobTransition> Transitions()
    {
        var added = new (Guid EventId, JobFact Fact)[_added.Count];
        for (var i = 0; i < added.Length; i++)
        {
            added[i] = (_added[i].Event!.EventId, _added[i].Fact!);
        }

        return JobTransition.Between(jobId, _known, added);
    }

    /// <summary>The unit of a new event; null when the group has none. A job has at most nine events with a fact.</summary>
    public UnitOfWork? Find(Guid eventId) => _added.Find(unit => unit.Event!.EventId == eventId);
}
