namespace Platform.Simulator.Api;

/// <summary>What happens to a job, and what its webhooks report.</summary>
public sealed record JobFate
{
    /// <summary>How the job ends. <see cref="JobEnd.Canceled"/> sends no event.</summary>
    public JobEnd End { get; init; }

    /// <summary>What the webhook reports instead of <see cref="End"/>; null when it reports the truth.</summary>
    public ReportedEnd? Reported { get; init; }

    /// <summary>Whether someone deletes the job.</summary>
    public Deletion Deletion { get; init; }

    /// <summary>What happens to the <c>started</c> event.</summary>
    public EventFate StartedEvent { get; init; }

    /// <summary>What happens to the event of the end.</summary>
    public EventFate EndEvent { get; init; }

    /// <summary>How much later <see cref="EventFate.Late"/> events are sent, before compression. Default: 20 minutes.</summary>
    public TimeSpan LateBy { get; init; } = TimeSpan.FromMinutes(20);
}

/// <summary>How a job ends.</summary>
public enum JobEnd
{
    Complete,
    Error,
    Canceled,
}

/// <summary>The action of the event of an end.</summary>
public enum ReportedEnd
{
    Completed,
    Errored,
}

/// <summary>Whether and when a job is deleted.</summary>
public enum Deletion
{
    None,

    /// <summary>While it renders: it never ends.</summary>
    BeforeEnd,

    /// <summary>Some time after its end.</summary>
    AfterEnd,
}

/// <summary>What happens to an event.</summary>
public enum EventFate
{
    Sent,

    /// <summary>Never sent.</summary>
    Lost,

    /// <summary>Sent later by <see cref="JobFate.LateBy"/>.</summary>
    Late,
}
