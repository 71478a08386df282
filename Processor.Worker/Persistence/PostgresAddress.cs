using Npgsql;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Persistence;

/// <summary>Checks connection strings of Npgsql before they are used.</summary>
internal static class PostgresAddress
{
    /// <summary>The error of a connection string, as the end of a sentence that begins with its name. Null when there is none.</summary>
    public static string? FindError(string? value)
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(value);
            return string.IsNullOrWhiteSpace(connection.Host)
                ? "is missing or names no host; it looks like Host=localhost;Database=platform;Username=platform;Password=…."
                : FindCredentialError("Username", connection.Username) ?? FindCredentialError("Password", connection.Password);
        }
        catch (ArgumentException exception)
        {
            return $"is not a connection string: {exception.Message}";
        }
    }

    /// <summary>The error of a password that is publicly known. Null when there is none, or when the connection string has another error.</summary>
    public static string? FindDefaultPassword(string? value) =>
        FindError(value) is null
        && new NpgsqlConnectionStringBuilder(value) is var connection
        && DefaultSecrets.FindPasswordError(connection.Username, connection.Password) is { } error
            ? $"has a password that {error}"
            : null;

    // Neither user nor password is required: a certificate or a file can replace them.
    private static string? FindCredentialError(string name, string? value) =>
        !string.IsNullOrEmpty(value) && SecretText.FindError(value) is { } error ? $"has a {name} that {error}" : null;
}
