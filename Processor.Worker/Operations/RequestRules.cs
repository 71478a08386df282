using System.Text.Json;

namespace Processor.Worker.Operations;

/// <summary>Rules that all acts share.</summary>
internal static class RequestRules
{
    private const int MaxReason = 1000;

    private static readonly string[] NotKnown = ["is not known here."];

    /// <summary>An error for each member that is not known: a misspelt one would change what is done.</summary>
    public static Dictionary<string, string[]> FindUnknown(Dictionary<string, JsonElement>? unknown, string prefix = "") =>
        (unknown ?? []).Keys.ToDictionary(name => $"{prefix}{name}", _ => NotKnown);

    public static string? FindReasonError(string? reason) =>
        string.IsNullOrWhiteSpace(reason) || reason.Length > MaxReason || reason.Contains('\0')
            ? $"is required: why this is done, in 1 to {MaxReason} characters."
            : null;
}
