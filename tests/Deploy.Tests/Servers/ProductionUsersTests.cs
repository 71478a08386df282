using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using RabbitMQ.Client;

namespace Deploy.Tests.Servers;

/// <summary>Production's users on a real broker and a real database, over TLS: each can do its work, and nothing else.</summary>
[Collection<OnProductionServers>]
public sealed class ProductionUsersTests(ProductionServers servers)
{
    private const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    private const string ApiKey = "a-key-of-one-operator-for-tests";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_goes_the_whole_way()
    {
        await servers.StartAsync(Cancel);
        var (ingressPort, apiPort) = (Machine.FreePort(), Machine.FreePort());
        ServerProcess[] workers = [Worker("consume", Machine.FreePort()), Worker("notify", Machine.FreePort()), Worker("api", apiPort)];
        var ingress = Services.Ingress(
            "ingress", servers.Folder.Path, ingressPort, servers.BrokerOf("ingress-api"), Secret, servers.Folder.Daemons, settings: servers.Trust);
        await Task.WhenAll(workers.Select(worker => worker.StartAsync(Cancel)));
        await ingress.StartAsync(Cancel);
        using var sender = new Sender($"http://127.0.0.1:{ingressPort}", Secret, TimeProvider.System);
        await using var owner = await WebhookReceiver.StartAsync(Cancel);
        var webhook = MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow());

        await RegisterAsync(apiPort, webhook.JobId, owner.Url);
        using var accepted = await sender.SendAsync(webhook.Body, Cancel);
        using var quarantined = await sender.SendAsync("{\"type\":\"video.completed\"}"u8.ToArray(), Cancel);
        await PublishAsync(servers.Broker.Uri, "not a message");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (accepted.StatusCode, quarantined.StatusCode));
        await ReachAsync(workers, 1, "select count(*) from jobs where status = 'completed'");
        await ReachAsync(workers, 1, "select count(*) from quarantined_events");
        await ReachAsync(workers, 0, "select count(*) from outbox_message");
        await ReachAsync(workers, 1, "select count(*) from notifications where status = 'delivered'");
        Assert.Single(owner.Received);
        await using var migrate = await ConnectAsync("migrate");
        await Waiting.UntilAsync(
            "what cannot be read is parked", async () => await migrate.MessageCountAsync(Topology.ErrorQueue, Cancel) == 1, Cancel);
        await ShowRoutesAsync(apiPort);
        await ingress.StopAsync(Cancel);
        await Task.WhenAll(workers.Select(worker => worker.StopAsync(Cancel)));
        Assert.All(workers, worker => Assert.DoesNotContain("ACCESS_REFUSED", File.ReadAllText(worker.Daemon.LogFile), StringComparison.Ordinal));
        Assert.All(workers, worker => Assert.DoesNotContain(PostgresErrorCodes.InsufficientPrivilege, File.ReadAllText(worker.Daemon.LogFile), StringComparison.Ordinal));
        await QueryAsync(
            servers.Superuser,
            """
            insert into quarantined_events (body_sha256, reason, body, received_at, sent_at, secret_name, delivery_id)
            values (sha256('usable'), 'no_id', '{"type":"video.completed","payload":{"id":"quarantined"}}', now(), now(), '0', gen_random_uuid())
            """);
        foreach (var source in new[] { "--error", "--dead", "--quarantined" })
        {
            var released = await Services.RunVerbAsync(
                servers.BrokerOf("processor-worker-api"), servers.DatabaseOf("processor-worker-api"), ["release", source], Cancel, servers.Trust);
            Assert.True(released.Succeeded, $"{source}: {released.Output}{released.Error}");
        }

        await using var consume = await ConnectAsync("processor-worker-consume");
        Assert.Equal(2, await TakeAllButReportsAsync(consume));
    }

    /// <summary>What is left in the queue, apart from what an ingress has reported of its publishes.</summary>
    private static async Task<int> TakeAllButReportsAsync(IChannel channel)
    {
        var count = 0;
        while (await channel.BasicGetAsync(Topology.WebhookReceivedQueue, autoAck: true, Cancel) is { } message)
        {
            count += Encoding.UTF8.GetString(message.Body.Span).Contains(nameof(PublishesConfirmed), StringComparison.Ordinal) ? 0 : 1;
        }

        return count;
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

    /// <summary>A worker like that of a Deployment: in one role, as the user of that role.</summary>
    private ServerProcess Worker(string role, int port) => Services.Worker(
        $"worker-{role}", servers.Folder.Path, port, servers.BrokerOf($"processor-worker-{role}"), servers.DatabaseOf($"processor-worker-{role}"),
        servers.Folder.Daemons, settings: SettingsOf(role), roles: role);

    private Dictionary<string, string?> SettingsOf(string role) => role switch
    {
        "notify" => new(servers.Trust) { ["OutgoingWebhooks__Secrets__0"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ["OutgoingWebhooks__AllowedTargets__0"] = "127.0.0.0/8" },
        "api" => new(servers.Trust) { ["Operations__ApiKeys__0"] = ApiKey, ["Broker__ManagementUrl"] = servers.ManagementUrlOf() },
        _ => servers.Trust,
    };

    private static async Task RegisterAsync(int port, string jobId, string webhookUrl)
    {
        using var http = new HttpClient { DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", ApiKey) } };
        using var answer = await http.PutAsJsonAsync(
            $"http://127.0.0.1:{port}/jobs/{jobId}", new { resource = "video", userId = "ada", webhookUrl }, Cancel);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>The worker reports that every exchange is bound to its queue.</summary>
    private static async Task ShowRoutesAsync(int port)
    {
        using var http = new HttpClient();
        string[] routes = [];
        await Waiting.UntilAsync("the routes are verified", async () => (routes = [.. await ReadRoutesAsync()]).Length > 0, Cancel);
        Assert.All(routes, route => Assert.Contains("} 0", route, StringComparison.Ordinal));

        async Task<IEnumerable<string>> ReadRoutesAsync() => (await http.GetStringAsync($"http://127.0.0.1:{port}/metrics", Cancel))
            .Split('\n').Where(line => line.StartsWith("route_missing{", StringComparison.Ordinal));
    }

    private Task<IChannel> ConnectAsync(string user) => ProductionServers.ConnectAsync(servers.LoginOf(user), Cancel);

    private static async Task PublishAsync(string uri, string body)
    {
        var factory = new ConnectionFactory { Uri = new Uri(uri), VirtualHost = "webhook-platform" };
        await using var connection = await factory.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.BasicPublishAsync("", Topology.WebhookReceivedQueue, Encoding.UTF8.GetBytes(body), Cancel);
    }

    private async Task ReachAsync(IEnumerable<ServerProcess> workers, long expected, string sql)
    {
        try
        {
            await Waiting.UntilAsync(sql, async () => (long)(await QueryAsync(servers.Superuser, sql))! == expected, Cancel);
        }
        catch (TimeoutException exception)
        {
            Assert.Fail($"{exception.Message}\n{string.Join('\n', workers.Select(worker => $"{worker.Name}, {(worker.IsAlive ? "alive" : "ended")}:\n{worker.Daemon.LogTail}"))}");
        }
    }

    private static async Task<object?> QueryAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancel);
    }
}
