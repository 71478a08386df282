using System.ComponentModel.DataAnnotations;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>Where the broker is. Section <c>ConnectionStrings</c>.</summary>
internal sealed class ConnectionOptions : IValidatableObject
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
}
