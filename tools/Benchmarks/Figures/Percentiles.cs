namespace Platform.Benchmarks.Figures;

/// <summary>Exact percentiles of all samples, by nearest rank.</summary>
internal sealed class Percentiles(IEnumerable<double> samples)
{
    private readonly double[] _sorted = [.. samples.Order()];

    public int Count => _sorted.Length;

    public double P50 => At(0.5);

    public double P99 => At(0.99);

    public double P999 => At(0.999);

    /// <summary>The smallest sample that this share of all samples does not exceed; NaN without samples.</summary>
    public double At(double share) =>
        _sorted.Length == 0 ? double.NaN : _sorted[Math.Clamp((int)Math.Ceiling(share * _sorted.Length) - 1, 0, _sorted.Length - 1)];
}
