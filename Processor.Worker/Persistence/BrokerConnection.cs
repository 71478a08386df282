using System.Net.Security;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Persistence;

/// <summary>A connection by the broker's own client, for what MassTransit does not do. It does not recover: whoever opens it starts over.</summary>
internal static class BrokerConnection
{
    /// <param name="name">How the broker lists the connection.</param>
    public static async Task<IConnection> OpenAsync(ConnectionOptions options, string name, CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(options.RabbitMq);
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
        };
        var endpoints = address.Nodes.Select(node => new AmqpTcpEndpoint(
            node.Host, node.Port, new SslOption(node.Host, enabled: address.UseTls) { AcceptablePolicyErrors = SslPolicyErrors.None }));
        return await factory.CreateConnectionAsync(endpoints, name, cancellationToken);
    }
}
