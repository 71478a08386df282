using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using Npgsql;
using Platform.ServiceDefaults.Broker;

namespace Platform.Cli;

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

    /// <summary>Accepts addresses of an ingress without the webhook path.</summary>
    public static Option<T> AcceptIngressUrls<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token => FindUrlError(option.Name, token)));
        return option;
    }

    /// <summary>Accepts the whole address of a webhook.</summary>
    public static Option<T> AcceptWebhookUrl<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token =>
            IsHttp(token, out _) ? null : $"{option.Name} must be the address of a webhook, such as http://127.0.0.1:8080/webhook, not '{token}'."));
        return option;
    }

    /// <summary>Accepts a file that can be written: its folder exists.</summary>
    public static Option<T> AcceptWritableFile<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token => FindFileError(option.Name, token)));
        return option;
    }

    /// <summary>Accepts an existing file, not a folder.</summary>
    public static Option<T> AcceptExistingFile<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token => File.Exists(token) ? null : $"{option.Name}: there is no file '{token}'."));
        return option;
    }

    /// <summary>Accepts Npgsql connection strings. Errors do not repeat them, because they contain passwords.</summary>
    public static Option<T> AcceptDatabase<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token =>
            IsDatabase(token) ? null : $"{option.Name} must be like 'Host=127.0.0.1;Database=platform;Username=platform;Password=...'."));
        return option;
    }

    /// <inheritdoc cref="BrokerAddress"/>
    public static Option<T> AcceptBroker<T>(this Option<T> option)
    {
        option.Validators.Add(result => result.Report(token => BrokerAddress.TryParse(token, out _, out var error) ? null : $"{option.Name} {error}."));
        return option;
    }

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

    private static void Report(this OptionResult result, Func<string, string?> findError)
    {
        foreach (var error in result.Tokens.Select(token => findError(token.Value)).OfType<string>())
        {
            result.AddError(error);
        }
    }

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

    private static string? FindUrlError(string name, string text)
    {
        if (!IsHttp(text, out var url))
        {
            return $"{name} must be the address of an ingress, such as http://127.0.0.1:8080, not '{text}'.";
        }

        if (url.AbsolutePath.TrimEnd('/') is var path && path.EndsWith("/webhook", StringComparison.OrdinalIgnoreCase))
        {
            return $"{name} must not contain the webhook path, which is added to it: {url.GetLeftPart(UriPartial.Authority)}{path[..^"/webhook".Length]}.";
        }

        return url.Query.Length + url.Fragment.Length > 0 ? $"{name} must not have a query or a fragment: '{text}'." : null;
    }

    private static bool IsHttp(string text, [NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && url.Scheme is ("http" or "https") && url.Host.Length > 0;

    private static string? FindFileError(string name, string text)
    {
        try
        {
            var path = Path.GetFullPath(text);
            return Directory.Exists(path) ? $"{name}: '{text}' is a folder."
                : Directory.Exists(Path.GetDirectoryName(path)) ? null
                : $"{name}: there is no folder '{Path.GetDirectoryName(path)}'.";
        }
        catch (ArgumentException)
        {
            return $"{name} must be the path of a file.";
        }
    }

    private static bool IsDatabase(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text).Host is { Length: > 0 };
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException or OverflowException)
        {
            return false;
        }
    }
}
