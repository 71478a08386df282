using System.Net.Security;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Persistence;

internal static class BrokerEndpoints
{
    /// <summary>The nodes as the broker's client takes them. With TLS each has to prove its own name.</summary>
    public static IReadOnlyList<AmqpTcpEndpoint> Of(BrokerAddress address) =>
    [
        .. address.Nodes.Select(node => new AmqpTcpEndpoint(
            node.Host, node.Port, new SslOption(node.Host, enabled: address.UseTls) { AcceptablePolicyErrors = SslPolicyErrors.None })),
    ];
}
