namespace Platform.Simulator.MagicHour;

/// <summary>All random decisions of a run, from one seed: the order of the draws matters.</summary>
internal sealed class Chance(int seed)
{
    private readonly Random _random = new(seed);

    public bool Happens(double share) => _random.NextDouble() < share;

    /// <summary>A number from 0 to below the bound.</summary>
    public int Number(int bound) => _random.Next(bound);

    public T One<T>(IReadOnlyList<T> of) => of[Number(of.Count)];

    /// <summary>All of them in random order.</summary>
    public T[] Shuffled<T>(params T[] of)
    {
        _random.Shuffle(of);
        return of;
    }

    public string Text(string characters, int length) => new(_random.GetItems<char>(characters, length));

    public TimeSpan Within(TimeSpan span) => span * _random.NextDouble();

    /// <summary>A random duration from half to double the given one.</summary>
    public TimeSpan About(TimeSpan span) => span * Math.Pow(4, _random.NextDouble() - 0.5);
}
