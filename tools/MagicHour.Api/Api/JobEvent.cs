namespace Platform.Simulator.Api;

/// <summary>An event of a job, and what became of it.</summary>
/// <param name="type">Such as <c>video.completed</c>.</param>
public sealed class JobEvent(string type)
{
    public string Type => type;

    public EventState State { get; internal set; }

    /// <summary>Attempts to deliver it.</summary>
    public int Attempts { get; private set; }

    /// <summary>The status of the last answer; null before the first, and when there was none.</summary>
    public int? LastStatus { get; private set; }

    internal void Record(int? status)
    {
        Attempts++;
        LastStatus = status;
    }
}

/// <summary>What became of an event.</summary>
public enum EventState
{
    /// <summary>Being sent, or waiting for its time or for the next attempt.</summary>
    Pending,

    /// <summary>Answered 2xx.</summary>
    Delivered,

    /// <summary>Never sent.</summary>
    Lost,

    /// <summary>Due while there was no enabled webhook, and dropped.</summary>
    Skipped,

    /// <summary>Not answered 2xx within 24 hours.</summary>
    GivenUp,
}
