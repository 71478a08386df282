using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using Npgsql;
using Platform.ServiceDefaults.Broker;

namespace Platform.Cli;

/// <summary>Validates options with addresses and files.</summary>
internal static class AddressRules
{
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

    private static void Report(this OptionResult result, Func<string, string?> findError)
    {
        foreach (var error in result.Tokens.Select(token => findError(token.Value)).OfType<string>())
        {
            result.AddError(error);
        }
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
