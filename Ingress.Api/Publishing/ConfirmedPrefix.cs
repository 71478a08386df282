using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// The numbers up to which every publish is settled, and which of them were not confirmed. Not thread-safe.
/// </summary>
/// <param name="most">Unconfirmed numbers to remember. Above it, the oldest are forgotten, and nothing is said about the numbers up to them.</param>
internal sealed class ConfirmedPrefix(int most = ConfirmedPrefix.MostUnconfirmed)
{
    /// <summary>About 100 kB in a report. A lost connection costs at most <see cref="IngressOptions.MaxPublishesInFlight"/> numbers, usually in few ranges.</summary>
    public const int MostUnconfirmed = 4096;

    private readonly HashSet<long> _ahead = [];
    private readonly SortedSet<long> _unconfirmed = [];

    /// <summary>Nothing is said about numbers up to this one.</summary>
    public long After { get; private set; }

    /// <summary>Every number up to this one is settled.</summary>
    public long Through { get; private set; }

    /// <summary>Numbers up to <see cref="Through"/> that were not confirmed.</summary>
    public IReadOnlyList<NumberRange> Unconfirmed => NumberRange.FromAscending(_unconfirmed.TakeWhile(number => number <= Through));

    public void Add(SettledPublish publish)
    {
        if (!publish.IsConfirmed)
        {
            _unconfirmed.Add(publish.Number);
        }

        _ahead.Add(publish.Number);
        while (_ahead.Remove(Through + 1))
        {
            Through++;
        }

        while (_unconfirmed.Count > most)
        {
            After = _unconfirmed.Min;
            _unconfirmed.Remove(After);
        }
    }
}
