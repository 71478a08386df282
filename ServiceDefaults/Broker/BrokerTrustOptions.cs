using System.ComponentModel.DataAnnotations;

namespace Platform.ServiceDefaults.Broker;

/// <summary>Certificate authorities trusted for the broker. Section <c>Broker</c>.</summary>
public abstract class BrokerTrustOptions : IValidatableObject
{
    /// <summary>The section of these settings.</summary>
    public const string Section = "Broker";

    /// <summary>
    /// A PEM file of certificate authorities. Over TLS, only these are trusted for the broker (in the worker also for its management API), and
    /// for no other server. The file is read for each new connection. Default: none, and the authorities of the system are trusted.
    /// </summary>
    public string? CertificateAuthorities { get; set; }

    /// <inheritdoc/>
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        BrokerAuthorities.FindError(CertificateAuthorities) is { } error ? [new(error, [nameof(CertificateAuthorities)])] : [];
}
