using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Architecture.Tests;

/// <summary>The arrows of a Mermaid diagram in <c>docs/architecture.md</c>: <c>A --> B</c> means that A may use B.</summary>
internal static partial class Diagram
{
    /// <summary>Reads the diagram under a heading.</summary>
    public static IReadOnlyList<string> Read(string heading)
    {
        var page = File.ReadAllText(Path.Combine(Machine.Root, "docs", "architecture.md"));
        var section = page[page.IndexOf($"### {heading}\n", StringComparison.Ordinal)..];
        var start = section.IndexOf("```mermaid\n", StringComparison.Ordinal);
        var diagram = section[start..section.IndexOf("\n```\n", start, StringComparison.Ordinal)];
        return [.. Arrows().Matches(diagram).SelectMany(Expand).Order(StringComparer.Ordinal)];
    }

    // "A --> B & C" stands for two arrows.
    private static IEnumerable<string> Expand(Match line) =>
        line.Groups["to"].Value.Split('&', StringSplitOptions.TrimEntries).Select(to => $"{line.Groups["from"].Value} --> {to}");

    [GeneratedRegex(@"^ *(?<from>[\w.]+) --> (?<to>[\w.]+( & [\w.]+)*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Arrows();
}
