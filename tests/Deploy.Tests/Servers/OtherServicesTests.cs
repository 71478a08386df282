using System.Collections.Concurrent;
using Deploy.Tests.Checks;
using MassTransit;
using Platform.Contracts;
using Platform.DevStack;
using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Deploy.Tests.Servers;

/// <summary>Another service, with the permissions and steps from docs/kubernetes.md.</summary>
[Collection<OnProductionServers>]
public sealed class OtherServicesTests(ProductionServers servers)
{
    private const ushort AccessRefused = 403;
    private const string User = "billing";

    private static readonly string Completed = $"Platform.Contracts:{nameof(JobCompleted)}";
    private static readonly string Register = $"Platform.Contracts:{nameof(RegisterJob)}";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Dictionary<string, Func<IChannel, Task>> Attempts => new()
    {
        ["delete the exchange that it publishes to"] = channel => channel.ExchangeDeleteAsync(Register),
        ["delete the exchange that it subscribes to"] = channel => channel.ExchangeDeleteAsync(Completed),
        ["delete the queue of registrations"] = channel => channel.QueueDeleteAsync(Topology.RegisterJobQueue),
        ["delete the queue of events"] = channel => channel.QueueDeleteAsync(Topology.WebhookReceivedQueue),
        ["purge the queue of registrations"] = channel => channel.QueuePurgeAsync(Topology.RegisterJobQueue),
        ["unbind the queue of registrations"] = channel => channel.QueueUnbindAsync(Topology.RegisterJobQueue, Topology.RegisterJobQueue, ""),
        ["unbind the exchange of registrations"] = channel => channel.ExchangeUnbindAsync(Topology.RegisterJobQueue, Register, ""),
        ["unbind the queue of events"] = channel => channel.QueueUnbindAsync(Topology.WebhookReceivedQueue, Topology.WebhookReceivedQueue, ""),
        ["declare the exchange that it publishes to"] = channel => channel.ExchangeDeclareAsync(Register, ExchangeType.Fanout, durable: true),
        ["declare a queue with a name like its own"] = channel => channel.QueueDeclareAsync($"{User}_evil", durable: true, exclusive: false, autoDelete: false),
        ["read events"] = channel => channel.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: false),
        ["subscribe to raw events"] = channel => channel.ExchangeBindAsync(User, $"Platform.Contracts:{nameof(WebhookReceived)}", ""),
        ["publish a domain event"] = async channel => await channel.BasicPublishAsync(Completed, "", ReadOnlyMemory<byte>.Empty),
        ["publish an event"] = async channel => await channel.BasicPublishAsync($"Platform.Contracts:{nameof(WebhookReceived)}", "", ReadOnlyMemory<byte>.Empty),
        ["write past the exchange"] = async channel => await channel.BasicPublishAsync("", Topology.RegisterJobQueue, ReadOnlyMemory<byte>.Empty),
    };

    public static TheoryData<string> Refused => [.. Attempts.Keys];

    [Fact]
    public void Its_permissions_list_exact_names_of_its_own_and_the_contracts_that_it_needs()
    {
        var (configure, write, read) = DocumentedPermissions();

        Assert.All(ExactPattern.Read(configure)!, name => Assert.Matches("^billing(_error|_skipped)?$", name));
        Assert.Equal([Register], ExactPattern.Read(write)!.Except(ExactPattern.Read(configure)!));
        Assert.Equal(
            [$"Platform.Contracts:{nameof(JobStarted)}", Completed, $"Platform.Contracts:{nameof(JobFailed)}", $"Platform.Contracts:{nameof(JobCanceled)}"],
            ExactPattern.Read(read)!.Except(ExactPattern.Read(configure)!));
    }

    [Fact]
    public async Task It_subscribes_and_registers_jobs_with_MassTransit()
    {
        await StartAsync();
        var received = new ConcurrentQueue<Guid?>();
        var address = Address;
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(address.Nodes[0].Host, (ushort)address.Nodes[0].Port, address.VirtualHost, host =>
            {
                host.Username(User);
                host.Password(User);
                host.UseSsl(ssl => ssl.ServerName = address.Nodes[0].Host);
            });
            rabbit.Publish<RegisterJob>(publish => publish.Exclude = true);
            rabbit.ReceiveEndpoint(User, endpoint =>
            {
                endpoint.ConfigureConsumeTopology = false;
                endpoint.PublishFaults = false;
                endpoint.Handler<JobCompleted>(context =>
                {
                    received.Enqueue(context.MessageId);
                    return Task.CompletedTask;
                });
            });
        });
        await bus.StartAsync(Cancel);
        try
        {
            await using var channel = await ConnectAsync();
            await channel.ExchangeBindAsync(User, Completed, "", cancellationToken: Cancel);
            await using var worker = await ProductionServers.ConnectAsync(servers.LoginOf("processor-worker-consume"), Cancel);
            var completed = Envelope.Create(
                Guid.NewGuid(), nameof(JobCompleted), """{"jobId":"billed","resource":"video","downloads":[],"completedAt":"2026-11-23T12:00:00Z"}"""u8.ToArray(),
                TimeProvider.System.GetUtcNow());

            // Confirmed, and returned when no queue accepts it.
            await bus.Publish(
                new RegisterJob { JobId = "billed", Resource = "video", UserId = User, RegisteredAt = TimeProvider.System.GetUtcNow() },
                context => context.Mandatory = true, Cancel);
            await worker.BasicPublishAsync(
                Completed, "", mandatory: true, new BasicProperties { ContentType = Envelope.ContentType }, completed.Content, Cancel);

            await Waiting.UntilAsync("the domain event is received", () => Task.FromResult(received.Contains(completed.MessageId)), Cancel);
        }
        finally
        {
            await bus.StopAsync(Cancel);
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task It_may_not(string what)
    {
        await StartAsync();
        await using var channel = await ConnectAsync();

        var refusal = await Assert.ThrowsAnyAsync<Exception>(() => Attempts[what](channel));

        Assert.Equal(AccessRefused, (refusal as OperationInterruptedException)?.ShutdownReason?.ReplyCode ?? channel.CloseReason?.ReplyCode);
    }

    private BrokerAddress Address => BrokerAddress.Parse(servers.BrokerOf("migrate")) with { User = User, Password = User };

    private async Task StartAsync()
    {
        await servers.StartAsync(Cancel);
        var (configure, write, read) = DocumentedPermissions();
        await servers.CreateOtherServiceAsync(User, configure, write, read, Cancel);
    }

    private Task<IChannel> ConnectAsync() => ProductionServers.ConnectAsync(Address, Cancel);

    /// <summary>The permissions from docs/kubernetes.md.</summary>
    private static (string Configure, string Write, string Read) DocumentedPermissions()
    {
        var lines = File.ReadAllLines(Path.Combine(Machine.Root, "docs", "kubernetes.md"));
        return (Read("configure: "), Read("write: "), Read("read: "));

        string Read(string kind) => lines.Single(line => line.StartsWith(kind, StringComparison.Ordinal))[kind.Length..];
    }
}
