using System.ComponentModel.DataAnnotations;
using Npgsql;
using Platform.Contracts;

namespace Processor.Worker.Persistence;

/// <summary>Where broker and database are. Section <c>ConnectionStrings</c>.</summary>
internal sealed class ConnectionOptions : IValidatableObject
{
    public const string Section = "ConnectionStrings";

    /// <summary><c>amqp://user:password@host:port/vhost</c>; see <see cref="BrokerAddress"/>. Required.</summary>
    public string? RabbitMq { get; set; }

    /// <summary>An Npgsql connection string. Required.</summary>
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

    private string? FindPostgresError()
    {
        try
        {
            return string.IsNullOrWhiteSpace(new NpgsqlConnectionStringBuilder(Postgres).Host)
                ? "is missing or names no host; it looks like Host=localhost;Database=platform;Username=platform;Password=…."
                : null;
        }
        catch (ArgumentException exception)
        {
            return $"is not a connection string: {exception.Message}";
        }
    }
}
