using System.Text.Json;
using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Measures;

/// <summary>The ingress's own log, a JSON object a line: how long each answer took, and how much of it the publish.</summary>
internal static class AnswerLog
{
    /// <summary>What of each answer was not the publish, in milliseconds.</summary>
    /// <param name="from">Where in the file to begin.</param>
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
        // The first line may be cut, and the last one unfinished.
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
