using System.Text.Json;
using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Measures;

/// <summary>Reads the ingress's log, one JSON object per line: the duration of each answer and of its publish.</summary>
internal static class AnswerLog
{
    /// <summary>The duration of each answer without its publish, in milliseconds.</summary>
    /// <param name="from">Offset in the file to start from.</param>
    public static Percentiles ReadTimesOutsideConfirm(string file, long from)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = from;
        using var reader = new StreamReader(stream);
        var times = new List<double>();
        while (reader.ReadLine() is { } line)
        {
            if (ReadTime(line) is { } time)
            {
                times.Add(time);
            }
        }

        return new Percentiles(times);
    }

    private static double? ReadTime(string line)
    {
        // The first and the last line may be incomplete.
        if (!line.StartsWith('{') || !line.EndsWith('}'))
        {
            return null;
        }

        using var entry = JsonDocument.Parse(line);
        return entry.RootElement.TryGetProperty("State", out var state)
            && state.TryGetProperty("ElapsedMs", out var elapsed)
            && state.TryGetProperty("ConfirmMs", out var confirm)
                ? elapsed.GetDouble() - confirm.GetDouble()
                : null;
    }
}
