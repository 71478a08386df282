using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Contestants;

/// <summary>Where a contestant finds everything. Each reads what it needs.</summary>
internal sealed record ContestantOptions
{
    /// <summary>Where to listen.</summary>
    public required string Url { get; init; }

    /// <summary>Signs the requests.</summary>
    public required string Secret { get; init; }

    public required string RabbitMq { get; init; }

    /// <summary>A database of its own, or the platform's, as an Npgsql connection string.</summary>
    public required string Postgres { get; init; }

    /// <summary>How many messages wait in the queue.</summary>
    public required int Messages { get; init; }

    /// <summary>The file of <see cref="EnvelopeTemplate"/>.</summary>
    public required string Envelope { get; init; }

    /// <summary>By the broker's own client.</summary>
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
