using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>The shares of new jobs, from 0 to 1, that something happens to. All are 0 by default: every job completes and says so.</summary>
public sealed record FateShares
{
    /// <summary>Jobs that fail.</summary>
    public double Errored { get; init; }

    /// <summary>Jobs that are cancelled.</summary>
    public double Canceled { get; init; }

    /// <summary>Jobs that are deleted, half of them before their end.</summary>
    public double Deleted { get; init; }

    /// <summary>Events that are never sent, of each event separately.</summary>
    public double Lost { get; init; }

    /// <summary>Events that are sent late, of each event separately.</summary>
    public double Late { get; init; }

    /// <summary>Jobs whose webhook reports the other end: errored although it completed, or completed although it failed.</summary>
    public double Contradicted { get; init; }

    internal JobFate Draw(Chance chance)
    {
        var end = chance.Happens(Canceled) ? JobEnd.Canceled : chance.Happens(Errored) ? JobEnd.Error : JobEnd.Complete;
        return new JobFate
        {
            End = end,
            Reported = !chance.Happens(Contradicted) ? null : end is JobEnd.Complete ? ReportedEnd.Errored : ReportedEnd.Completed,
            Deletion = !chance.Happens(Deleted) ? Deletion.None : chance.Happens(0.5) ? Deletion.BeforeEnd : Deletion.AfterEnd,
            StartedEvent = DrawEvent(chance),
            EndEvent = DrawEvent(chance),
        };
    }

    private EventFate DrawEvent(Chance chance) =>
        chance.Happens(Lost) ? EventFate.Lost : chance.Happens(Late) ? EventFate.Late : EventFate.Sent;
}
