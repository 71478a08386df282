using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Persistence;

/// <summary>A connection by the broker's own client, for what MassTransit does not do. It does not recover: whoever opens it starts over.</summary>
internal static class BrokerConnection
{
    /// <param name="name">How the broker lists the connection.</param>
    public static Task<IConnection> OpenAsync(ConnectionOptions options, string name, CancellationToken cancellationToken) =>
        OpenAsync(BrokerAddress.Parse(options.RabbitMq), name, cancellationToken);

    /// <inheritdoc cref="OpenAsync(ConnectionOptions, string, CancellationToken)"/>
    public static async Task<IConnection> OpenAsync(BrokerAddress address, string name, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Of(address), name, cancellationToken);
    }
}
