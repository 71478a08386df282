using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Broker;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Publishing;

/// <summary>The broker's address. Section <c>ConnectionStrings</c>.</summary>
internal sealed class ConnectionOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "ConnectionStrings";

    /// <summary><c>amqp://user:password@host:port/vhost</c>; see <see cref="BrokerAddress"/>. Required.</summary>
    public string? RabbitMq { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!BrokerAddress.TryParse(RabbitMq, out _, out var error))
        {
            yield return new ValidationResult($"{error}.", [nameof(RabbitMq)]);
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        if (BrokerAddress.TryParse(RabbitMq, out var address, out _) && DefaultSecrets.FindPasswordError(address.User, address.Password) is { } error)
        {
            yield return new ValidationResult($"has a password that {error}", [nameof(RabbitMq)]);
        }
    }
}
