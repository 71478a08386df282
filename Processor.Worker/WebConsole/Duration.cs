using System.Globalization;

namespace Processor.Worker.WebConsole;

/// <summary>Durations as people read them.</summary>
internal static class Duration
{
    /// <summary>Such as <c>12 ms</c>, <c>3.5 s</c>, <c>4 min</c>, <c>2 h 5 min</c> or <c>3 d 4 h</c>.</summary>
    public static string Text(TimeSpan duration) => duration switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(duration.TotalMilliseconds, 0):0} ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes:0} min"),
        { TotalDays: < 1 } => $"{duration.Hours} h{(duration.Minutes > 0 ? $" {duration.Minutes} min" : "")}",
        _ => $"{duration.Days} d{(duration.Hours > 0 ? $" {duration.Hours} h" : "")}",
    };
}
