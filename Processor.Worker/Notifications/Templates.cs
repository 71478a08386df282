using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Processor.Worker.Notifications;

/// <summary>The embedded templates, from <c>Notifications/Templates</c>, with names in double braces.</summary>
internal static partial class Templates
{
    private static readonly ConcurrentDictionary<string, string[]> Files = new();

    /// <summary>The lines of a template.</summary>
    public static string[] Read(string name) => Files.GetOrAdd(name, static name =>
    {
        using var stream = typeof(Templates).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"There is no template {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd('\n').Split('\n');
    });

    public static IEnumerable<string> NamesIn(string line) => Placeholder().Matches(line).Select(match => match.Groups[1].Value);

    /// <summary>Replaces each name with its value. Values are not expanded again.</summary>
    public static string Fill(string line, Func<string, string> value) => Placeholder().Replace(line, match => value(match.Groups[1].Value));

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Placeholder();
}
