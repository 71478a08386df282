using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>Draws how long each job waits and renders, from one seed.</summary>
/// <param name="speed">Divides every delay; at least 1.</param>
internal sealed class JobClock(Chance chance, double speed)
{
    // Magic Hour publishes only the time from creation to end.
    private const double QueuedShare = 0.1;

    /// <summary>When the next job starts and ends: from half to double the tool's median after its creation.</summary>
    public (DateTimeOffset Start, DateTimeOffset End) Next(Tool tool, DateTimeOffset createdAt)
    {
        var total = chance.About(tool.Median) / speed;
        return (createdAt + (total * QueuedShare), createdAt + total);
    }
}
