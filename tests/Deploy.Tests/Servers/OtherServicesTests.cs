using Platform.Contracts;
using Platform.LocalStack;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Deploy.Tests.Servers;

/// <summary>A service of others, with the permissions that docs/kubernetes.md gives to it.</summary>
public sealed class OtherServicesTests(ProductionServers servers)
{
    private const ushort AccessRefused = 403;
    private const string User = "billing";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Another_service_subscribes_and_registers_jobs()
    {
        await servers.StartAsync(Cancel);
        var (completed, register) = ($"Platform.Contracts:{nameof(JobCompleted)}", $"Platform.Contracts:{nameof(RegisterJob)}");
        await servers.Broker.Control(["add_user", User, User], Cancel);
        await servers.Broker.Control(["set_permissions", "-p", "webhook-platform", User, .. DocumentedPermissions()], Cancel);
        await using var channel = await ConnectAsync();

        // As MassTransit does it.
        await channel.ExchangeDeclareAsync(completed, ExchangeType.Fanout, durable: true, cancellationToken: Cancel);
        await channel.ExchangeDeclareAsync("billing", ExchangeType.Fanout, durable: true, cancellationToken: Cancel);
        await channel.ExchangeBindAsync("billing", completed, "", cancellationToken: Cancel);
        await channel.QueueDeclareAsync("billing", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancel);
        await channel.QueueBindAsync("billing", "billing", "", cancellationToken: Cancel);
        await channel.ExchangeDeclareAsync(register, ExchangeType.Fanout, durable: true, cancellationToken: Cancel);
        await channel.BasicPublishAsync(register, "", "{}"u8.ToArray(), Cancel);

        await Assert.ThrowsAnyAsync<Exception>(async () => await channel.BasicPublishAsync(completed, "", ReadOnlyMemory<byte>.Empty, Cancel));
        Assert.Equal(AccessRefused, channel.CloseReason?.ReplyCode);
        await using var another = await ConnectAsync();
        var refusal = await Assert.ThrowsAsync<OperationInterruptedException>(() => another.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: false, Cancel));
        Assert.Equal(AccessRefused, refusal.ShutdownReason?.ReplyCode);
    }

    private Task<IChannel> ConnectAsync() =>
        ProductionServers.ConnectAsync(BrokerAddress.Parse(servers.BrokerOf("migrate")) with { User = User, Password = User }, Cancel);

    /// <summary>What docs/kubernetes.md gives: configure, write and read, in the order of the broker's command.</summary>
    private static IEnumerable<string> DocumentedPermissions()
    {
        var lines = File.ReadAllLines(Path.Combine(Machine.Root, "docs", "kubernetes.md"));
        return new[] { "configure: ", "write: ", "read: " }.Select(kind => lines.Single(line => line.StartsWith(kind, StringComparison.Ordinal))[kind.Length..]);
    }
}
