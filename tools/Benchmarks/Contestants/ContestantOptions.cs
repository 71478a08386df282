using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Contestants;

/// <summary>The settings of a contestant. Each contestant reads what it needs.</summary>
internal sealed record ContestantOptions
{
    /// <summary>The address to listen on.</summary>
    public required string Url { get; init; }

    /// <summary>The secret that signs the requests.</summary>
    public required string Secret { get; init; }

    public required string RabbitMq { get; init; }

    /// <summary>Npgsql connection string of the platform's database or of a separate one.</summary>
    public required string Postgres { get; init; }

    /// <summary>Number of messages in the queue.</summary>
    public required int Messages { get; init; }

    /// <summary>The number of them that a contestant does not measure, when it measures itself.</summary>
    public required int WarmUp { get; init; }

    /// <summary>File of the <see cref="EnvelopeTemplate"/>.</summary>
    public required string Envelope { get; init; }

    /// <summary>Connects with RabbitMQ's own client.</summary>
    public async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(RabbitMq);
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
        };
        return await factory.CreateConnectionAsync(
            [new AmqpTcpEndpoint(address.Nodes[0].Host, address.Nodes[0].Port)], "bench contestant", cancellationToken);
    }
}
