using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Persistence;

/// <summary>What is expected of the broker. Section <c>Broker</c>.</summary>
internal sealed class BrokerOptions : IValidatableObject
{
    public const string Section = "Broker";

    /// <summary>
    /// Nodes that must run when the queues are declared: a quorum queue gets its replicas at birth and never more by itself. 1 to 7;
    /// default 1. Without <see cref="ManagementUrl"/> those of the connection string are counted that answer.
    /// </summary>
    [Range(1, 7)]
    public int ExpectedNodes { get; set; } = 1;

    /// <summary>
    /// The management API, such as <c>http://rabbitmq:15672</c>; the user is that of the connection string. With it <c>migrate</c> counts
    /// all nodes, and looks at bindings and policies too. Default: none.
    /// </summary>
    public Uri? ManagementUrl { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ManagementUrl is { IsAbsoluteUri: false } or { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must be an absolute http or https address.", [nameof(ManagementUrl)]);
        }
    }
}
