using System.ComponentModel.DataAnnotations;
using Npgsql;
using Platform.ServiceDefaults.Broker;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Persistence;

/// <summary>Addresses of broker and database. Section <c>ConnectionStrings</c>.</summary>
internal sealed class ConnectionOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "ConnectionStrings";

    /// <summary><c>amqp://user:password@host:port/vhost</c>; see <see cref="BrokerAddress"/>. Required.</summary>
    public string? RabbitMq { get; set; }

    /// <summary>
    /// An Npgsql connection string, to PostgreSQL or to a pooler in session mode (<see cref="DatabaseSession"/>). Its <c>Options</c> are
    /// added to <see cref="SessionSettings"/>. Required.
    /// </summary>
    public string? Postgres { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!BrokerAddress.TryParse(RabbitMq, out _, out var error))
        {
            yield return new ValidationResult($"{error}.", [nameof(RabbitMq)]);
        }

        if (FindPostgresError() is { } postgresError)
        {
            yield return new ValidationResult(postgresError, [nameof(Postgres)]);
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        if (BrokerAddress.TryParse(RabbitMq, out var address, out _) && DefaultSecrets.FindPasswordError(address.User, address.Password) is { } error)
        {
            yield return new ValidationResult($"has a password that {error}", [nameof(RabbitMq)]);
        }

        if (FindPostgresError() is null
            && new NpgsqlConnectionStringBuilder(Postgres) is var connection
            && DefaultSecrets.FindPasswordError(connection.Username, connection.Password) is { } postgresError)
        {
            yield return new ValidationResult($"has a password that {postgresError}", [nameof(Postgres)]);
        }
    }

    // Neither user nor password is required: a certificate or a file can replace them.
    private static string? FindCredentialError(string name, string? value) =>
        !string.IsNullOrEmpty(value) && SecretText.FindError(value) is { } error ? $"has a {name} that {error}" : null;

    private string? FindPostgresError()
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(Postgres);
            return string.IsNullOrWhiteSpace(connection.Host)
                ? "is missing or names no host; it looks like Host=localhost;Database=platform;Username=platform;Password=…."
                : FindCredentialError("Username", connection.Username) ?? FindCredentialError("Password", connection.Password);
        }
        catch (ArgumentException exception)
        {
            return $"is not a connection string: {exception.Message}";
        }
    }
}
