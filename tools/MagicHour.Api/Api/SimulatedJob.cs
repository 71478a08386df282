using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>A job at Magic Hour. Its status follows from the time: nothing has to happen for it to change.</summary>
public sealed class SimulatedJob
{
    private readonly Lock _lock = new();
    private readonly List<JobEvent> _events = [];
    private JobFate _fate;
    private DateTimeOffset? _canceledAt;
    private DateTimeOffset? _deletedAt;

    internal SimulatedJob(JobFate fate) => _fate = fate;

    public required string Id { get; init; }

    public required Tool Tool { get; init; }

    /// <summary>Null when the caller chose null.</summary>
    public required string? Name { get; init; }

    /// <summary>The number of results, and of downloads.</summary>
    public required int Results { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it leaves the queue.</summary>
    public required DateTimeOffset StartsAt { get; init; }

    /// <summary>When it ends, unless it is cancelled or deleted before.</summary>
    public required DateTimeOffset EndsAt { get; init; }

    internal MagicHourError Error { get; init; } = MagicHourError.All[0];

    /// <summary>What happens to it; a change affects what has not happened yet.</summary>
    public JobFate Fate
    {
        get
        {
            lock (_lock)
            {
                return _fate;
            }
        }

        set
        {
            lock (_lock)
            {
                _fate = value;
            }
        }
    }

    /// <summary>The events that were due so far, and what became of them.</summary>
    public IReadOnlyList<JobEvent> Events
    {
        get
        {
            lock (_lock)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>The status that Magic Hour knows at a time. The status of a deleted job no longer changes.</summary>
    public JobStatus StatusAt(DateTimeOffset now)
    {
        lock (_lock)
        {
            var time = DeletedAt is { } deletedAt && deletedAt < now ? deletedAt : now;
            return time >= _canceledAt ? JobStatus.Canceled
                : time < StartsAt ? JobStatus.Queued
                : time < EndsAt ? JobStatus.Rendering
                : _fate.End switch { JobEnd.Complete => JobStatus.Complete, JobEnd.Error => JobStatus.Error, _ => JobStatus.Canceled };
        }
    }

    public bool IsDeletedAt(DateTimeOffset now)
    {
        lock (_lock)
        {
            return now >= DeletedAt;
        }
    }

    /// <summary>Cancels the job, as its user can in the web app. No event reports it.</summary>
    /// <returns>False when it has ended.</returns>
    public bool Cancel(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (StatusAt(now) is not (JobStatus.Queued or JobStatus.Rendering) || now >= DeletedAt)
            {
                return false;
            }

            _canceledAt = now;
            return true;
        }
    }

    /// <summary>Deletes the job for good. No event reports it, and a job that has not ended never ends.</summary>
    /// <returns>False when it was deleted before.</returns>
    public bool Delete(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (now >= DeletedAt)
            {
                return false;
            }

            _deletedAt = now;
            return true;
        }
    }

    internal void Add(JobEvent due)
    {
        lock (_lock)
        {
            _events.Add(due);
        }
    }

    private DateTimeOffset? DeletedAt => _deletedAt ?? _fate.Deletion switch
    {
        Deletion.BeforeEnd => StartsAt + ((EndsAt - StartsAt) / 2),
        Deletion.AfterEnd => EndsAt + (EndsAt - CreatedAt),
        _ => null,
    };
}

/// <summary>The <c>status</c> of a project.</summary>
public enum JobStatus
{
    Queued,
    Rendering,
    Complete,
    Error,
    Canceled,
}
