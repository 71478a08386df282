using System.Net;
using System.Net.Http.Json;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Deploy.Tests.Servers;

/// <summary>A real broker refuses production's users everything that they do not need.</summary>
[Collection<OnProductionServers>]
public sealed class BrokerRefusalsTests(ProductionServers servers)
{
    private const ushort AccessRefused = 403;

    private static readonly string Exchange = $"Platform.Contracts:{nameof(WebhookReceived)}";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Who may do which of <see cref="Attempts"/>; all others are refused.</summary>
    private static Dictionary<string, string[]> Allowed => new()
    {
        ["ingress-api"] = ["send an event", "ask with the canary", "write to the queue's own exchange"],
        ["processor-worker-consume"] =
        [
            .. Declared, "read the queue", "consume the queue", "read the parked", "purge the queue", "take the way out of the queue", "publish a domain event",
            "write to the queue's own exchange",
        ],
        ["processor-worker-notify"] = [],
        ["processor-worker-api"] = ["read the parked", "send an event", "write past the exchange", "write to the queue's own exchange"],
        ["processor-worker-reconcile"] = ["send an event"],
        ["processor-worker-archive"] = [],
        ["migrate"] =
        [
            .. Declared, "read the queue", "consume the queue", "read the parked", "purge the queue", "take the way out of the queue", "delete the canary's exchange",
            "delete a domain event's exchange", "write to the queue's own exchange",
        ],
        ["keda"] = [],
    };

    private static string[] Declared => ["declare the queue", "delete the queue", "delete the parked", "delete the exchange"];

    private static Dictionary<string, Func<IChannel, Task>> Attempts => new()
    {
        ["declare the queue"] = channel => channel.QueueDeclareAsync(Topology.WebhookReceivedQueue, durable: true, exclusive: false, autoDelete: false),
        ["delete the queue"] = channel => channel.QueueDeleteAsync(Topology.WebhookReceivedQueue),
        ["purge the queue"] = channel => channel.QueuePurgeAsync(Topology.WebhookReceivedQueue),
        ["read the queue"] = channel => channel.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: false),
        ["consume the queue"] = channel => channel.BasicConsumeAsync(Topology.WebhookReceivedQueue, autoAck: false, new AsyncEventingBasicConsumer(channel)),
        ["read the parked"] = channel => channel.BasicGetAsync(Topology.ErrorQueue, autoAck: false),
        ["take the way out of the queue"] = channel => channel.QueueUnbindAsync(Topology.WebhookReceivedQueue, Topology.WebhookReceivedQueue, ""),
        ["send an event"] = channel => PublishAsync(channel, Exchange),
        ["write to the queue's own exchange"] = channel => PublishAsync(channel, Topology.WebhookReceivedQueue),
        ["publish a domain event"] = channel => PublishAsync(channel, $"Platform.Contracts:{nameof(JobCompleted)}"),
        ["delete the exchange"] = channel => channel.ExchangeDeleteAsync(Exchange),
        ["write past the exchange"] = channel => PublishAsync(channel, "", Topology.WebhookReceivedQueue),
        ["ask with the canary"] = channel => PublishAsync(channel, Topology.CanaryExchange),
        ["delete the canary's exchange"] = channel => channel.ExchangeDeleteAsync(Topology.CanaryExchange),
        ["delete a domain event's exchange"] = channel => channel.ExchangeDeleteAsync($"Platform.Contracts:{nameof(JobCompleted)}"),
        ["delete the parked"] = channel => channel.QueueDeleteAsync(Topology.RegisterJobErrorQueue),
        ["declare a queue with a name like the platform's"] =
            channel => channel.QueueDeclareAsync($"{Topology.WebhookReceivedQueue}-evil", durable: true, exclusive: false, autoDelete: false),
        ["declare a queue with a suffix of its own"] =
            channel => channel.QueueDeclareAsync($"{Topology.WebhookReceivedQueue}_evil", durable: true, exclusive: false, autoDelete: false),
        ["declare an exchange with a name like the platform's"] = channel => channel.ExchangeDeclareAsync($"{Exchange}Evil", ExchangeType.Fanout),
        ["declare another queue"] = channel => channel.QueueDeclareAsync("another", durable: true, exclusive: false, autoDelete: false),
        ["read another queue"] = channel => channel.BasicGetAsync("another", autoAck: false),
        ["declare another exchange"] = channel => channel.ExchangeDeclareAsync("another", ExchangeType.Fanout),
        ["write to another exchange"] = channel => PublishAsync(channel, "amq.topic"),
    };

    public static TheoryData<string, string> Refused =>
        [.. Allowed.SelectMany(user => Attempts.Keys.Except(user.Value).Select(what => new TheoryDataRow<string, string>(user.Key, what)))];

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_user_may_not(string user, string what)
    {
        await servers.StartAsync(Cancel);
        await using var channel = await ProductionServers.ConnectAsync(servers.LoginOf(user), Cancel);

        var refusal = await Assert.ThrowsAnyAsync<Exception>(() => Attempts[what](channel));

        // A confirmed publish reports only that the channel is closed; the channel has the reason.
        Assert.Equal(AccessRefused, (refusal as OperationInterruptedException)?.ShutdownReason?.ReplyCode ?? channel.CloseReason?.ReplyCode);
    }

    [Theory]
    [InlineData("keda", true)]
    [InlineData("migrate", true)]
    [InlineData("ingress-api", false)]
    [InlineData("processor-worker-consume", false)]
    [InlineData("processor-worker-notify", false)]
    [InlineData("processor-worker-api", true)]
    [InlineData("processor-worker-reconcile", false)]
    [InlineData("processor-worker-archive", false)]
    public async Task Who_monitors_sees_the_queue_and_changes_nothing(string user, bool isLetIn)
    {
        await servers.StartAsync(Cancel);
        using var http = CreateClient(user);

        using var seen = await http.GetAsync($"api/queues/webhook-platform/{Topology.WebhookReceivedQueue}", Cancel);
        using var policy = await http.PutAsJsonAsync("api/policies/webhook-platform/another", new { pattern = ".*", definition = new { expires = 1000 } }, Cancel);
        using var other = await http.PutAsJsonAsync("api/users/another", new { password = "another", tags = "administrator" }, Cancel);

        Assert.Equal(isLetIn ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, seen.StatusCode);
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (policy.StatusCode, other.StatusCode));
    }

    [Fact]
    public async Task The_scaler_can_neither_delete_nor_read_by_the_management_API()
    {
        await servers.StartAsync(Cancel);
        using var http = CreateClient("keda");
        var queue = $"api/queues/webhook-platform/{Topology.WebhookReceivedQueue}";

        using var seen = await http.GetAsync(queue, Cancel);
        using var deleted = await http.DeleteAsync(queue, Cancel);
        using var got = await http.PostAsJsonAsync($"{queue}/get", new { count = 1, ackmode = "ack_requeue_true", encoding = "auto" }, Cancel);

        // The queue exists: what follows is refused, not missing.
        Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (deleted.StatusCode, got.StatusCode));
    }

    [Fact]
    public async Task The_operations_API_sees_bindings_and_can_neither_delete_nor_read_the_queue_by_the_management_API()
    {
        await servers.StartAsync(Cancel);
        using var http = CreateClient("processor-worker-api");
        var queue = $"api/queues/webhook-platform/{Topology.WebhookReceivedQueue}";

        using var bindings = await http.GetAsync("api/bindings/webhook-platform", Cancel);
        using var deleted = await http.DeleteAsync(queue, Cancel);
        using var purged = await http.DeleteAsync($"{queue}/contents", Cancel);
        using var got = await http.PostAsJsonAsync($"{queue}/get", new { count = 1, ackmode = "ack_requeue_true", encoding = "auto" }, Cancel);

        Assert.Equal(HttpStatusCode.OK, bindings.StatusCode);
        Assert.Contains($"\"source\":\"{Exchange}\"", await bindings.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        Assert.All([deleted, purged, got], response => Assert.False(response.IsSuccessStatusCode));
        await using var channel = await ProductionServers.ConnectAsync(servers.LoginOf("migrate"), Cancel);
        await channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, Cancel);
    }

    private HttpClient CreateClient(string user) =>
        servers.Broker.CreateManagementClient($"{user}:{servers.Secret($"{user}-broker", "password")}");

    private static async Task PublishAsync(IChannel channel, string exchange, string routingKey = "") =>
        await channel.BasicPublishAsync(exchange, routingKey, ReadOnlyMemory<byte>.Empty);
}
