using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Npgsql;
using Platform.Contracts;
using Platform.LocalStack;
using Platform.Simulator.MagicHour;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Deploy.Tests.Servers;

/// <summary>Production's users on a real broker and a real database, over TLS: each does its work, and nothing else.</summary>
public sealed class ProductionUsersTests(ProductionServers servers)
{
    private const ushort AccessRefused = 403;
    private const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> NotForTheIngress => [.. Refused.Keys];

    private static Dictionary<string, Func<IChannel, Task>> Refused => new()
    {
        ["declare the queue"] = channel => channel.QueueDeclareAsync(Topology.WebhookReceivedQueue, durable: true, exclusive: false, autoDelete: false),
        ["declare another queue"] = channel => channel.QueueDeclareAsync("another", durable: true, exclusive: false, autoDelete: false),
        ["delete the queue"] = channel => channel.QueueDeleteAsync(Topology.WebhookReceivedQueue),
        ["purge the queue"] = channel => channel.QueuePurgeAsync(Topology.WebhookReceivedQueue),
        ["read the queue"] = channel => channel.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: false),
        ["consume the queue"] = channel => channel.BasicConsumeAsync(Topology.WebhookReceivedQueue, autoAck: false, new AsyncEventingBasicConsumer(channel)),
        ["read the parked"] = channel => channel.BasicGetAsync(Topology.ErrorQueue, autoAck: false),
        ["take the way out of the queue"] = channel => channel.QueueUnbindAsync(Topology.WebhookReceivedQueue, Topology.WebhookReceivedQueue, ""),
        ["declare an exchange"] = channel => channel.ExchangeDeclareAsync("another", ExchangeType.Fanout),
        ["delete its exchange"] = channel => channel.ExchangeDeleteAsync($"Platform.Contracts:{nameof(WebhookReceived)}"),
        ["write past the exchange"] = async channel => await channel.BasicPublishAsync("", Topology.WebhookReceivedQueue, ReadOnlyMemory<byte>.Empty),
        ["tell of a job"] = async channel => await channel.BasicPublishAsync($"Platform.Contracts:{nameof(JobCompleted)}", "", ReadOnlyMemory<byte>.Empty),
    };

    [Fact]
    public async Task An_event_goes_the_whole_way()
    {
        await servers.StartAsync(Cancel);
        var (ingressPort, workerPort) = (Machine.FreePort(), Machine.FreePort());
        var worker = Services.Worker(
            "worker", servers.Folder.Path, workerPort, servers.BrokerOf("processor-worker"), servers.DatabaseOf("processor-worker"),
            servers.Folder.Daemons, settings: servers.Trust);
        var ingress = Services.Ingress(
            "ingress", servers.Folder.Path, ingressPort, servers.BrokerOf("ingress-api"), Secret, servers.Folder.Daemons, settings: servers.Trust);
        await worker.StartAsync(Cancel);
        await ingress.StartAsync(Cancel);
        using var sender = new Sender($"http://127.0.0.1:{ingressPort}", Secret, TimeProvider.System);

        using var accepted = await sender.SendAsync(MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow()).Body, Cancel);
        using var quarantined = await sender.SendAsync("{\"type\":\"video.completed\"}"u8.ToArray(), Cancel);
        await PublishAsync(servers.Broker.Uri, "not a message");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (accepted.StatusCode, quarantined.StatusCode));
        await ReachAsync(1, "select count(*) from jobs where status = 'completed'");
        await ReachAsync(1, "select count(*) from quarantined_events");
        await ReachAsync(0, "select count(*) from outbox_message");
        await using var migrate = await ConnectAsync("migrate");
        await Waiting.UntilAsync(
            "what cannot be read is parked", async () => await migrate.MessageCountAsync(Topology.ErrorQueue, Cancel) == 1, Cancel);
        await Task.WhenAll(worker.StopAsync(Cancel), ingress.StopAsync(Cancel));
        var released = await Services.RunVerbAsync(
            servers.BrokerOf("processor-worker"), servers.DatabaseOf("processor-worker"), ["release", "--error"], Cancel, servers.Trust);
        Assert.Equal((0, 1u), (released.ExitCode, await migrate.MessageCountAsync(Topology.WebhookReceivedQueue, Cancel)));
    }

    [Fact]
    public async Task The_ingress_asks_whether_the_queue_is_there_and_the_broker_takes_messages()
    {
        await servers.StartAsync(Cancel);
        await using var channel = await ConnectAsync("ingress-api");

        await channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, Cancel);
        await channel.BasicPublishAsync(Topology.CanaryExchange, "", ReadOnlyMemory<byte>.Empty, Cancel);

        Assert.True(channel.IsOpen);
    }

    [Theory]
    [MemberData(nameof(NotForTheIngress))]
    public async Task The_ingress_may_not(string what)
    {
        await servers.StartAsync(Cancel);
        await using var channel = await ConnectAsync("ingress-api");

        var refusal = await Assert.ThrowsAnyAsync<Exception>(() => Refused[what](channel));

        // A confirmed publish says only that the channel is closed; the channel knows why.
        Assert.Equal(AccessRefused, (refusal as OperationInterruptedException)?.ShutdownReason?.ReplyCode ?? channel.CloseReason?.ReplyCode);
    }

    [Theory]
    [InlineData("alter table jobs add column extra text")]
    [InlineData("drop table jobs")]
    [InlineData("truncate webhook_events")]
    [InlineData("create table another (id integer)")]
    [InlineData("create index on jobs (user_id)")]
    [InlineData("create schema another")]
    [InlineData("create temporary table another (id integer)")]
    [InlineData("alter role processor_worker connection limit -1")]
    [InlineData("set role migrate")]
    public async Task The_worker_may_not_change_the_schema(string sql)
    {
        await servers.StartAsync(Cancel);

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => QueryAsync(servers.DatabaseOf("processor-worker"), sql));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
    }

    [Fact]
    public async Task The_worker_makes_partitions_all_the_same()
    {
        await servers.StartAsync(Cancel);

        await QueryAsync(servers.DatabaseOf("processor-worker"), "select create_webhook_bodies_partitions(20)");

        Assert.True((long)(await QueryAsync(servers.Superuser, "select count(*) from pg_class where relname like 'webhook_bodies_2%' and relkind = 'r'"))! >= 20);
    }

    [Fact]
    public async Task The_scaler_sees_the_depth_of_the_queue_and_may_do_nothing()
    {
        await servers.StartAsync(Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(servers.Broker.ManagementUrl!) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"keda:{servers.Secret("keda-broker", "password")}")));
        var queue = new Uri($"api/queues/webhook-platform/{Topology.WebhookReceivedQueue}", UriKind.Relative);

        using var seen = await http.GetAsync(queue, Cancel);
        using var deleted = await http.DeleteAsync(queue, Cancel);
        using var got = await http.PostAsync(
            $"{queue}/get", new StringContent("""{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}""", Encoding.UTF8, "application/json"), Cancel);

        Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
        Assert.False(deleted.IsSuccessStatusCode);
        Assert.False(got.IsSuccessStatusCode);
    }

    private Task<IChannel> ConnectAsync(string user) => ProductionServers.ConnectAsync(BrokerAddress.Parse(servers.BrokerOf(user)), Cancel);

    private static async Task PublishAsync(string uri, string body)
    {
        var factory = new ConnectionFactory { Uri = new Uri(uri), VirtualHost = "webhook-platform" };
        await using var connection = await factory.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.BasicPublishAsync("", Topology.WebhookReceivedQueue, Encoding.UTF8.GetBytes(body), Cancel);
    }

    private async Task ReachAsync(long expected, string sql) =>
        await Waiting.UntilAsync(sql, async () => (long)(await QueryAsync(servers.Superuser, sql))! == expected, Cancel);

    private static async Task<object?> QueryAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancel);
    }
}
