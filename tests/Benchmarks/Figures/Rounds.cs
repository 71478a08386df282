namespace Platform.Benchmarks.Figures;

/// <summary>Every value that was measured, by its key and its round.</summary>
internal sealed class Rounds
{
    private readonly SortedDictionary<string, SortedDictionary<int, double>> _values = new(StringComparer.Ordinal);

    /// <summary>All of them, for the record.</summary>
    public IReadOnlyDictionary<string, SortedDictionary<int, double>> All => _values;

    public Round Begin(int number) => new(this, number);

    public void Add(int round, string key, double value)
    {
        if (!_values.TryGetValue(key, out var rounds))
        {
            _values[key] = rounds = [];
        }

        rounds[round] = value;
    }

    /// <summary>Null when it was never measured.</summary>
    public Spread? Of(string key) => _values.TryGetValue(key, out var rounds) ? Spread.Of(rounds.Values) : null;

    /// <summary>Taken within each round, because only what was measured side by side may be compared.</summary>
    public Spread? Ratio(string key, string limit) =>
        _values.TryGetValue(key, out var rounds) && _values.TryGetValue(limit, out var limits) && rounds.Keys.Any(limits.ContainsKey)
            ? Spread.Of(rounds.Where(one => limits.ContainsKey(one.Key)).Select(one => one.Value / limits[one.Key]))
            : null;
}

/// <summary>One round: every contestant once.</summary>
internal readonly record struct Round(Rounds Rounds, int Number)
{
    /// <param name="value">Not a number when it was to be measured, and this machine cannot.</param>
    public void Add(string key, double value) => Rounds.Add(Number, key, value);
}

/// <summary>The values of several rounds.</summary>
internal readonly record struct Spread(double Median, double Min, double Max)
{
    public bool IsMeasured => !double.IsNaN(Min);

    /// <param name="values">At least one.</param>
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
