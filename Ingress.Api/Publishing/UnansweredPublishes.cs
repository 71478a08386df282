namespace Ingress.Api.Publishing;

/// <summary>
/// The messages that were written and not answered yet, by the number that the broker gives them. What was given up stays in it until
/// the broker answers or the connection ends: without a quorum that is one every three seconds, the breaker's probes.
/// </summary>
internal sealed class UnansweredPublishes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, PendingPublish> _byNumber = [];
    private ulong _first = 1;
    private ulong _next = 1;
    private PublishAnswer? _last;

    /// <summary>How many there are, now or a moment ago: read without the lock.</summary>
    public int Count => _byNumber.Count;

    /// <summary>The one that is written next.</summary>
    public void Add(PendingPublish publish)
    {
        lock (_lock)
        {
            _byNumber.Add(_next++, publish);
            if (_last is not null)
            {
                publish.Resolve(_last);
            }
        }
    }

    /// <summary>The answer to one message, or to all up to it that have none.</summary>
    public void Resolve(ulong number, bool multiple, PublishAnswer answer)
    {
        lock (_lock)
        {
            for (var i = multiple ? _first : number; i <= number; i++)
            {
                if (_byNumber.Remove(i, out var publish))
                {
                    publish.Resolve(answer);
                }
            }

            while (_first < _next && !_byNumber.ContainsKey(_first))
            {
                _first++;
            }
        }
    }

    /// <summary>
    /// A message that was returned is told by its id alone, which all deliveries of an event share. If one of them was taken after all,
    /// it is refused without need, and harmless when it comes again.
    /// </summary>
    public void Return(Guid messageId, PublishAnswer answer)
    {
        lock (_lock)
        {
            foreach (var publish in _byNumber.Values.Where(publish => publish.MessageId == messageId))
            {
                publish.Resolve(answer);
            }
        }
    }

    /// <summary>The answer to all of them, and to any that is added yet: the broker will give none.</summary>
    public void Close(PublishAnswer answer)
    {
        lock (_lock)
        {
            _last = answer;
            foreach (var publish in _byNumber.Values)
            {
                publish.Resolve(answer);
            }

            _byNumber.Clear();
        }
    }
}
