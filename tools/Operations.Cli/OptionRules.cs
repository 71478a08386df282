using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Operations.Cli;

/// <summary>Option validation, and rules between several options.</summary>
internal static class OptionRules
{
    // Excludes group separators, which would read 40,5 as 405, and exponents.
    private const NumberStyles Plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;

    /// <summary>A number within a range, both ends included.</summary>
    public static Option<T> Number<T>(string name, string description, T byDefault, T least, T most)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => byDefault,
            CustomParser = result => Read(result, name, least, most) ?? byDefault,
        };

    /// <summary>The same for an optional number: null when it is not given.</summary>
    public static Option<T?> Number<T>(string name, string description, T least, T most)
        where T : struct, INumber<T> => new(name) { Description = description, CustomParser = result => Read(result, name, least, most) };

    /// <summary>Forbids one option together with any of the others.</summary>
    public static void Exclude(this Command command, Option one, params Option[] others) => command.Validators.Add(result =>
    {
        foreach (var other in others.Where(other => result.Has(one) && result.Has(other)))
        {
            result.AddError($"{one.Name} and {other.Name} exclude each other.");
        }
    });

    /// <summary>The option is given on the command line.</summary>
    public static bool Has(this SymbolResult result, Option option) => result.GetResult(option) is { Implicit: false };

    /// <summary>The raw texts given for an option. Rules read these, because reading an invalid value throws.</summary>
    public static IReadOnlyList<string> Texts(this SymbolResult result, Option option) =>
        [.. result.GetResult(option)?.Tokens.Select(token => token.Value) ?? []];

    /// <summary>A switch is on.</summary>
    public static bool IsOn(this SymbolResult result, Option<bool> option) =>
        result.Has(option) && !result.Texts(option).Contains("false", StringComparer.OrdinalIgnoreCase);

    private static T? Read<T>(ArgumentResult result, string name, T least, T most)
        where T : struct, INumber<T>
    {
        var text = result.Tokens[0].Value;
        // Written this way round, the condition also rejects NaN.
        if (T.TryParse(text, Plain, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
        {
            return number;
        }

        result.AddError($"{name} must be a number from {least} to {most}, not '{text}'.");
        return null;
    }
}
