using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.Contracts;
using RabbitMQ.Client;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Different versions running side by side, rescaling, and domain events of workers that crash.</summary>
internal static class LifecycleFaults
{
    public static IEnumerable<Fault> All =>
    [
        new("ALL", "kill -9 the broker, a worker, the database and an ingress in turn, repeatedly", "lost 0, doubled 0, phantom 0", AllInTurnAsync)
        {
            Patience = TimeSpan.FromMinutes(30),
        },
        new("L01", "messages from a newer ingress and from the first release", "applied; nothing skipped", OtherVersionsAsync),
        new("L04", "scale from 1 worker to 4 and back, repeatedly, with a backlog", "all applied; nothing dead-lettered or parked", ScaledUpAndDownAsync)
        {
            IsFullOnly = true,
        },
        new("D11.1", "kill -9 the workers between the commit and the domain event", "published later with the same message id", OutboxAsync),
        new("D11.2", "a domain event left behind by a dead worker, with no new events", "found by the sweep and published", LeftInOutboxAsync),
    ];

    private static async Task<string> AllInTurnAsync(FaultContext context)
    {
        var lab = context.Lab;
        var report = await context.StormAsync(context.Scaled(20_000), 200, async () =>
        {
            for (var round = 0; round < context.Scaled(10); round++)
            {
                await lab.Broker.KillAsync(context.Cancel);
                await lab.Broker.StartAsync(context.Cancel);
                await lab.Workers[round % lab.Workers.Count].KillAsync(context.Cancel);
                await lab.DatabaseServer.KillAsync(context.Cancel);
                await lab.DatabaseServer.StartAsync(context.Cancel);
                await lab.Ingresses[round % lab.Ingresses.Count].Process.KillAsync(context.Cancel);
                await lab.RepairAsync(context.Cancel);
            }
        });
        ExpectNothingParked(report);
        return $"{report}";
    }

    private static async Task<string> OtherVersionsAsync(FaultContext context)
    {
        await using var connection = await ConnectAsync(context);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), context.Cancel);
        var newer = NewEvent();
        var first = NewEvent();
        await PublishAsync(newer.JobId, Envelope(newer.Type, newer.JobId, newer.Body, message => message["novelty"] = new JsonObject { ["a"] = 1 }));
        await PublishAsync(first.JobId, Envelope(first.Type, first.JobId, first.Body, _ => { }));
        await context.UntilAsync("both are applied", async () => await context.CountEventsAsync(newer.JobId) + await context.CountEventsAsync(first.JobId) == 2);
        Expect(await context.Lab.CountAsync(Topology.SkippedQueue, context.Cancel) == 0, "a message was skipped");
        return "both applied";

        ValueTask PublishAsync(string jobId, JsonObject envelope) => channel.BasicPublishAsync(
            exchange: "", Topology.WebhookReceivedQueue, mandatory: true,
            new BasicProperties { MessageId = $"{EventIdentity.Create("video.completed", jobId)}", ContentType = "application/vnd.masstransit+json", Persistent = true },
            Encoding.UTF8.GetBytes(envelope.ToJsonString()), context.Cancel);
    }

    private static async Task<string> ScaledUpAndDownAsync(FaultContext context)
    {
        const int rounds = 5;
        var lab = context.Lab;
        var more = Enumerable.Range(1, 3).Select(i => lab.Worker($"worker-more-{i}")).ToArray();
        await lab.Workers[1].StopAsync(context.Cancel);
        var report = await context.StormAsync(6000, 200, async () =>
        {
            for (var i = 0; i < rounds; i++)
            {
                await Task.WhenAll(more.Select(worker => worker.StartAsync(context.Cancel)));
                await Task.WhenAll(more.Select(worker => worker.StopAsync(context.Cancel)));
            }

            await lab.RepairAsync(context.Cancel);
        });
        ExpectNothingParked(report);
        return $"{report}";
    }

    private static JsonObject Envelope(string type, string jobId, byte[] body, Action<JsonObject> change)
    {
        var now = TimeProvider.System.GetUtcNow();
        var message = JsonSerializer.SerializeToNode(
            new WebhookReceived
            {
                EventId = EventIdentity.Create(type, jobId),
                EventType = type,
                JobId = jobId,
                DeliveryId = Guid.NewGuid(),
                ReceivedAt = now,
                SentAt = now,
                Late = false,
                Origin = Origins.Live,
                SecretName = "0",
                Body = body,
                BodySha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(body)),
            },
            JsonSerializerOptions.Web)!.AsObject();
        change(message);
        return new JsonObject
        {
            ["messageId"] = $"{EventIdentity.Create(type, jobId)}",
            ["messageType"] = new JsonArray("urn:message:Platform.Contracts:WebhookReceived"),
            ["message"] = message,
        };
    }

    private static async Task<string> OutboxAsync(FaultContext context)
    {
        await using var subscriber = await Subscriber.StartAsync(context);
        var report = await context.StormAsync(300, 100, async () =>
        {
            await context.Lab.WorkerToBroker.HoldAsync(Direction.ToServer, Moment.PublishOf("Job")).WaitAsync(context.Cancel);
            await context.UntilAsync("the outbox holds a domain event", async () =>
                await context.Lab.QueryAsync<long>("select count(*) from outbox_message", context.Cancel) > 0);
            await Task.WhenAll(context.Lab.Workers.Select(worker => worker.KillAsync(context.Cancel)));
            context.Lab.WorkerToBroker.Cut();
            await context.Lab.RepairAsync(context.Cancel);
        });
        ExpectNothingParked(report);
        await using var command = context.Lab.Database.CreateCommand(
            """
            select count(*) from (select job_id from webhook_events where job_id like $1 and fact is not null group by job_id) as jobs
            """);
        command.Parameters.AddWithValue(report.Ledger.JobIdPrefix + "%");
        var jobs = (long)(await command.ExecuteScalarAsync(context.Cancel))!;
        await context.UntilAsync("every job has its domain event", () => Task.FromResult(subscriber.Deliveries.Count >= jobs));
        Expect(report.Verdict.Unpublished == 0, "domain events are left in the outbox");
        var published = subscriber.Deliveries;
        return $"{published.Count} domain events for {jobs} jobs, {published.Values.Sum() - published.Count} repeated; {report}";
    }

    private static async Task<string> LeftInOutboxAsync(FaultContext context)
    {
        await using var subscriber = await Subscriber.StartAsync(context);
        var id = Guid.NewGuid();
        await context.Lab.ExecuteAsync(
            $$"""
            insert into outbox_message (message_id, message_type, body, created_at)
            values ('{{id}}', 'JobStarted', '{"jobId":"left","resource":"video","startedAt":"2026-11-23T12:00:00Z"}', now())
            """,
            context.Cancel);
        await context.UntilAsync("it is published", () => Task.FromResult(subscriber.Deliveries.ContainsKey(new DomainEvent("left", id))), TimeSpan.FromSeconds(30));
        await context.UntilAsync("the outbox is empty", async () =>
            await context.Lab.QueryAsync<long>("select count(*) from outbox_message", context.Cancel) == 0);
        return "published";
    }

    private static Task<IConnection> ConnectAsync(FaultContext context) =>
        new ConnectionFactory { Uri = new Uri(context.Lab.Broker.Uri) }.CreateConnectionAsync(context.Cancel);
}
