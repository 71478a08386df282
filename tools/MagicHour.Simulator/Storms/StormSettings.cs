namespace Platform.Simulator.Storms;

/// <summary>The settings of a storm. Shares are between 0 and 1.</summary>
public sealed record StormSettings
{
    /// <summary>Determines everything random: the same seed gives the same storm.</summary>
    public int Seed { get; init; }

    /// <summary>Number of distinct events; forgeries and repeated deliveries come on top. Default 2000.</summary>
    public int Events { get; init; } = 2000;

    /// <summary>Average events per second, sent whether or not earlier ones are answered. Default 200.</summary>
    public double Rate { get; init; } = 200;

    /// <summary>
    /// Divisor for the sender's delays: rendering, the gaps between attempts, and the 24 hours after which it gives up. Default 60.
    /// </summary>
    public double TimeCompression { get; init; } = 60;

    /// <summary>
    /// Minimum gap between two attempts, whatever the compression. Default 1 second, the sender's own first gap: an outage must not cause
    /// many more retries than the sender would send.
    /// </summary>
    public TimeSpan ShortestGap { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time from the start of the storm after which no attempt begins. Null: the sender's own 24 hours, compressed.</summary>
    public TimeSpan? GiveUpAfter { get; init; }

    /// <summary>Number of webhooks registered at the sender. Default 1.</summary>
    public int Endpoints { get; init; } = 1;

    /// <summary>Share of events that every endpoint gets. The others go to one endpoint, so that one endpoint cannot hide a loss of another.</summary>
    public double AtEveryEndpoint { get; init; } = 0.25;

    /// <summary>
    /// Share of deliveries that sign every attempt again; the others keep their first signature. Which of the two the sender does is unknown.
    /// </summary>
    public double ReSigned { get; init; } = 0.5;

    /// <summary>Share of jobs without any <c>started</c> event, as with fast tools.</summary>
    public double StartedMissing { get; init; } = 0.1;

    /// <summary>Share of jobs whose <c>started</c> arrives after the end, signed hours earlier.</summary>
    public double StartedLate { get; init; } = 0.03;

    /// <summary>Share of jobs whose end is sent before their start.</summary>
    public double Reordered { get; init; } = 0.05;

    public double Errored { get; init; } = 0.12;

    /// <summary>Share of jobs that fail and are then completed.</summary>
    public double Corrected { get; init; } = 0.02;

    /// <summary>Share of jobs that start at the same moment as others.</summary>
    public double InBursts { get; init; } = 0.2;

    /// <summary>Share of jobs with an additional event of an unknown type.</summary>
    public double UnknownTypes { get; init; } = 0.02;

    public double UnknownFields { get; init; } = 0.05;

    /// <summary>Share of events that are delivered again although they were answered.</summary>
    public double Duplicates { get; init; } = 0.05;

    /// <summary>Share of events that are delivered again with a different body.</summary>
    public double Variants { get; init; } = 0.04;

    /// <summary>Share of signed bodies that are not usable events.</summary>
    public double Unusable { get; init; } = 0.01;

    /// <summary>Requests by a stranger, relative to the number of events; at most five a second.</summary>
    public double Forgeries { get; init; } = 0.01;
}
