using System.Text.Json;
using Platform.DevStack;

namespace Platform.Benchmarks.Figures;

/// <summary>What <see cref="BenchReport.Include"/> needs of a report in a file.</summary>
/// <param name="KeyParts">The part of each key of <paramref name="Rounds"/>.</param>
internal sealed record SavedReport(
    BenchMachine Machine,
    IReadOnlyDictionary<string, PartRun> Parts,
    IReadOnlyDictionary<string, SortedDictionary<int, double>> Rounds,
    IReadOnlyDictionary<string, string> KeyParts)
{
    /// <exception cref="SetupException">The file does not exist, or was not written by this version of the bench.</exception>
    public static async Task<SavedReport> LoadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = File.OpenRead(file);
            return (await JsonSerializer.DeserializeAsync<SavedReport>(stream, BenchReport.Format, cancellationToken))!;
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            throw new SetupException($"{file} has no figures of the other parts: {exception.Message}");
        }
    }

    /// <summary>Refuses before the measurements, which take an hour.</summary>
    /// <exception cref="SetupException">The figures of the other parts are missing, or of another machine.</exception>
    public void ThrowIfUnusable(BenchMachine machine, IEnumerable<string> others)
    {
        var missing = others.Except(Parts.Keys).ToArray();
        if (missing.Length > 0 || machine != Machine)
        {
            throw new SetupException(missing.Length > 0
                ? $"The pages need the figures of all parts, and these were not measured: {string.Join(", ", missing)}."
                : "The figures of the other parts are those of another machine.");
        }
    }
}
