using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Broker;

namespace Ingress.Api.Publishing;

/// <summary>Certificate authorities trusted for the broker. Section <c>Broker</c>.</summary>
internal sealed class BrokerOptions : IValidatableObject
{
    public const string Section = "Broker";

    /// <summary>
    /// PEM file of certificate authorities: over TLS, only these are trusted for the broker, and they are trusted for no other server. It
    /// is read for each new connection. Default: none, and the system's authorities are trusted.
    /// </summary>
    public string? CertificateAuthorities { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (BrokerAuthorities.FindError(CertificateAuthorities) is { } error)
        {
            yield return new ValidationResult(error, [nameof(CertificateAuthorities)]);
        }
    }
}
