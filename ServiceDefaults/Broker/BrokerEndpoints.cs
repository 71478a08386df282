using System.Net.Security;
using RabbitMQ.Client;

namespace Platform.ServiceDefaults.Broker;

/// <summary>Endpoints for the client of the broker.</summary>
public static class BrokerEndpoints
{
    /// <summary>
    /// Converts the nodes to the endpoints that the broker's client expects. With TLS, each node must prove its own name.
    /// </summary>
    /// <param name="authorities">See <see cref="BrokerAuthorities"/>.</param>
    public static IReadOnlyList<AmqpTcpEndpoint> Create(BrokerAddress address, string? authorities) =>
    [
        .. address.Nodes.Select(node => new AmqpTcpEndpoint(node.Host, node.Port, new SslOption(node.Host, enabled: address.UseTls)
        {
            AcceptablePolicyErrors = SslPolicyErrors.None,
            CertificateValidationCallback = BrokerAuthorities.CreateVerifier(authorities),
        })),
    ];
}
