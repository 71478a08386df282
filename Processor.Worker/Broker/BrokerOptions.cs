using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Broker;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Broker;

/// <summary>Expectations about the broker. Section <c>Broker</c>.</summary>
internal sealed class BrokerOptions : BrokerTrustOptions
{
    /// <summary>
    /// Nodes that must run when queues are declared: a quorum queue gets its replicas at declaration and never adds more by itself. 1 to 7;
    /// default 1. Without <see cref="ManagementUrl"/>, only reachable nodes of the connection string are counted.
    /// </summary>
    [Range(1, 7)]
    public int ExpectedNodes { get; set; } = 1;

    /// <summary>
    /// The management API, such as <c>http://rabbitmq:15672</c>; the user is that of the connection string. With it, <c>migrate</c> counts
    /// all nodes and also checks bindings and policies, and a worker verifies bindings every 15 seconds. Default: none.
    /// </summary>
    public Uri? ManagementUrl { get; set; }

    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        var errors = base.Validate(validationContext);
        return ManagementUrl is not null && !HttpAddress.IsHttp(ManagementUrl)
            ? errors.Prepend(new ValidationResult("must be an absolute http or https address.", [nameof(ManagementUrl)]))
            : errors;
    }
}
