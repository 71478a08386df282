using System.Net;
using System.Text;
using Npgsql;
using Platform.Contracts;
using Platform.LocalStack;
using Platform.Simulator.MagicHour;
using RabbitMQ.Client;

namespace Deploy.Tests.Servers;

/// <summary>Production's users on a real broker and a real database, over TLS: each does its work, and nothing else.</summary>
public sealed class ProductionUsersTests(ProductionServers servers)
{
    private const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

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

    private Task<IChannel> ConnectAsync(string user) => ProductionServers.ConnectAsync(servers.LoginOf(user), Cancel);

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
