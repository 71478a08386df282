namespace Ingress.Api.Publishing;

/// <summary>
/// Messages written and not yet answered, by their publish sequence number. An abandoned message stays here until the broker answers or the
/// connection ends: without a quorum that is one message every three seconds, from the breaker's probes.
/// </summary>
internal sealed class UnansweredPublishes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, PendingPublish> _byNumber = [];
    private ulong _first = 1;
    private ulong _next = 1;
    private PublishAnswer? _last;

    /// <summary>The number of messages; may be slightly out of date because it is read without the lock.</summary>
    public int Count => _byNumber.Count;

    /// <summary>Adds the message that is written next.</summary>
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

    /// <summary>Answers one message, or all unanswered messages up to it.</summary>
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
    /// Answers a returned message. The broker identifies it only by its message id, which all deliveries of an event share. If one of them
    /// was queued after all, refusing it is unnecessary, and its redelivery is harmless.
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

    /// <summary>Answers all messages, and any that are added later: the broker will not answer them.</summary>
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
