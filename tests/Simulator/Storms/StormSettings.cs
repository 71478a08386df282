namespace Platform.Simulator.Storms;

/// <summary>What a storm is like. Shares are between 0 and 1.</summary>
public sealed record StormSettings
{
    /// <summary>Decides everything that is left to chance: the same seed, the same storm.</summary>
    public int Seed { get; init; }

    /// <summary>Different things that the sender has to say; forgeries and repeated deliveries come on top. Default 2000.</summary>
    public int Events { get; init; } = 2000;

    /// <summary>Events per second, on average. They arrive whether or not earlier ones are answered. Default 200.</summary>
    public double Rate { get; init; } = 200;

    /// <summary>
    /// What the sender's waits are divided by: rendering, the gaps between attempts, and the 24 hours after which it gives up. Default 60.
    /// </summary>
    public double TimeCompression { get; init; } = 60;

    /// <summary>
    /// However much is compressed, no attempt follows sooner on the one before. Default 1 second, the sender's own first gap: what is in
    /// trouble must not be hit much harder than the sender would.
    /// </summary>
    public TimeSpan ShortestGap { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the start of the storm: no attempt begins after that. Null: the sender's own 24 hours, compressed.</summary>
    public TimeSpan? GiveUpAfter { get; init; }

    /// <summary>Webhooks that are registered at the sender. Default 1.</summary>
    public int Endpoints { get; init; } = 1;

    /// <summary>Events that every endpoint gets; the others go to one, so that the one cannot hide what the other loses.</summary>
    public double AtEveryEndpoint { get; init; } = 0.25;

    /// <summary>
    /// Deliveries whose every attempt is signed anew; the others keep their first signature. Which of the two the sender does is not known.
    /// </summary>
    public double ReSigned { get; init; } = 0.5;

    /// <summary>Jobs of which no <c>started</c> is ever sent, as with fast tools.</summary>
    public double StartedMissing { get; init; } = 0.1;

    /// <summary>Jobs whose <c>started</c> comes after the end, signed hours ago.</summary>
    public double StartedLate { get; init; } = 0.03;

    /// <summary>Jobs whose end is told before their start.</summary>
    public double Reordered { get; init; } = 0.05;

    public double Errored { get; init; } = 0.12;

    /// <summary>Jobs that have failed and are completed after all.</summary>
    public double Corrected { get; init; } = 0.02;

    /// <summary>Jobs that start together with others, all at the same moment.</summary>
    public double InBursts { get; init; } = 0.2;

    /// <summary>Jobs with a further event of a type that nobody knows.</summary>
    public double UnknownTypes { get; init; } = 0.02;

    public double UnknownFields { get; init; } = 0.05;

    /// <summary>Events that are delivered once more though they were answered.</summary>
    public double Duplicates { get; init; } = 0.05;

    /// <summary>Events that are delivered once more with another body.</summary>
    public double Variants { get; init; } = 0.04;

    /// <summary>Signed bodies that are no usable events.</summary>
    public double Unusable { get; init; } = 0.01;

    /// <summary>Requests of a stranger, in relation to the events; at most five a second.</summary>
    public double Forgeries { get; init; } = 0.01;
}
