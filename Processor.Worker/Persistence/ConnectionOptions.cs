using System.ComponentModel.DataAnnotations;
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
    /// An Npgsql connection string, to PostgreSQL or to a pooler (<see cref="DatabaseOptions"/>). Its <c>Options</c> are added to
    /// <see cref="SessionSettings"/>. Required.
    /// </summary>
    public string? Postgres { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!BrokerAddress.TryParse(RabbitMq, out _, out var error))
        {
            yield return new ValidationResult($"{error}.", [nameof(RabbitMq)]);
        }

        if (PostgresAddress.FindError(Postgres) is { } postgresError)
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

        if (PostgresAddress.FindDefaultPassword(Postgres) is { } postgresError)
        {
            yield return new ValidationResult(postgresError, [nameof(Postgres)]);
        }
    }
}
