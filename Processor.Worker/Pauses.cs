namespace Processor.Worker;

/// <summary>Pauses between attempts that fail.</summary>
internal static class Pauses
{
    /// <summary>Twice as long, and at most <paramref name="longest"/>.</summary>
    public static TimeSpan Double(TimeSpan pause, TimeSpan longest) => pause * 2 < longest ? pause * 2 : longest;
}
