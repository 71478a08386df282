namespace Platform.Benchmarks.Figures;

/// <summary>All measured values, by key and round.</summary>
internal sealed class Rounds
{
    private readonly SortedDictionary<string, SortedDictionary<int, double>> _values = new(StringComparer.Ordinal);

    private readonly SortedDictionary<string, string> _parts = new(StringComparer.Ordinal);

    /// <summary>All values, for the JSON file.</summary>
    public IReadOnlyDictionary<string, SortedDictionary<int, double>> All => _values;

    /// <summary>The letter of the part that measured a key.</summary>
    public IReadOnlyDictionary<string, string> KeyParts => _parts;

    /// <param name="part">The letter of the part that measures in this round.</param>
    public Round Begin(int number, string part) => new(this, number, part);

    /// <summary>A value of one round; NaN when it was not measured.</summary>
    public double Find(int round, string key) =>
        _values.TryGetValue(key, out var rounds) && rounds.TryGetValue(round, out var value) ? value : double.NaN;

    public void Add(int round, string part, string key, double value)
    {
        _parts[key] = part;
        if (!_values.TryGetValue(key, out var rounds))
        {
            _values[key] = rounds = [];
        }

        rounds[round] = value;
    }

    /// <summary>The spread of a value; null when it was never measured.</summary>
    public Spread? Of(string key) => _values.TryGetValue(key, out var rounds) ? Spread.From(rounds.Values) : null;

    /// <summary>Computed within each round, because only values measured side by side are comparable.</summary>
    public Spread? Ratio(string key, string limit) =>
        _values.TryGetValue(key, out var rounds) && _values.TryGetValue(limit, out var limits) && rounds.Keys.Any(limits.ContainsKey)
            ? Spread.From(rounds.Where(one => limits.ContainsKey(one.Key)).Select(one => one.Value / limits[one.Key]))
            : null;
}

/// <summary>One round: every contestant once.</summary>
internal readonly record struct Round(Rounds Rounds, int Number, string Part)
{
    /// <param name="value">NaN when this machine cannot measure it.</param>
    public void Add(string key, double value) => Rounds.Add(Number, Part, key, value);

    /// <inheritdoc cref="Rounds.Find"/>
    public double Find(string key) => Rounds.Find(Number, key);
}

/// <summary>The values of several rounds.</summary>
internal readonly record struct Spread(double Median, double Min, double Max)
{
    public bool IsMeasured => !double.IsNaN(Min);

    /// <param name="values">At least one.</param>
    public static Spread From(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
