using System.Text.RegularExpressions;

namespace Deploy.Tests.Checks;

/// <summary>
/// A RabbitMQ permission in the platform's form: <c>^(name|name)$</c>. RabbitMQ does not anchor patterns, so a pattern without both
/// anchors, or with anything but names between them, would match more than is listed.
/// </summary>
internal static partial class ExactPattern
{
    public static string For(IEnumerable<string> names) => $"^({string.Join('|', names.Select(Escape))})$";

    /// <summary>
    /// The names in the list; none for the empty pattern, which RabbitMQ treats as matching nothing. Null when it is no such list.
    /// </summary>
    public static IReadOnlyList<string>? Read(string pattern)
    {
        if (pattern == "")
        {
            return [];
        }

        string[] names = Names().Match(pattern) is { Success: true } match ? [.. match.Groups["names"].Value.Split('|').Select(name => name.Replace(@"\.", "."))] : [];
        return names.Length > 0 && !names.Contains("") && For(names) == pattern ? names : null;
    }

    private static string Escape(string name) => name.Replace(".", @"\.");

    // Characters of names; an unescaped full stop would match any character.
    [GeneratedRegex(@"^\^\((?<names>([A-Za-z0-9_:|-]|\\\.)+)\)\$$")]
    private static partial Regex Names();
}
