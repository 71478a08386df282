using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Broker;
using Processor.Worker.Persistence;
using RabbitMQ.Client;

namespace Processor.Worker.Broker;

/// <summary>
/// Connects with the RabbitMQ client, for tasks MassTransit does not support. Connections do not recover; the caller opens a new one.
/// </summary>
internal sealed class BrokerConnector(IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options)
{
    /// <param name="name">The name of the connection, as listed by the broker.</param>
    public Task<IConnection> OpenAsync(string name, CancellationToken cancellationToken) =>
        OpenAsync(BrokerAddress.Parse(connections.Value.RabbitMq), name, cancellationToken);

    /// <inheritdoc cref="OpenAsync(string, CancellationToken)"/>
    public async Task<IConnection> OpenAsync(BrokerAddress address, string name, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Create(address, options.Value.CertificateAuthorities), name, cancellationToken);
    }
}
