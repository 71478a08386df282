using System.Diagnostics;
using System.Net;
using MassTransit;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Default behaviour of the broker and its clients that the ingress must not rely on.</summary>
public sealed class BrokerTrapsTests(ServersFixture servers)
{
    private const string Queue = Contracts.Topology.WebhookReceivedQueue;

    // The budget of a publish; while the breaker is open, one request at a time uses it as a probe.
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task A_confirm_does_not_mean_queued_so_only_what_a_queue_took_is_answered_200()
    {
        await using var platform = await CreateAsync(servers);
        await platform.StartIngressAsync();
        await using var bus = await DefaultBus.StartAsync(platform.RabbitMq);
        await platform.Broker.UnbindAsync(Queue, Cancel);

        await bus.Control.Publish(new Unheard(1), Cancel);
        var unroutable = await SendAsync(platform);
        await AssertRefusedWithoutWaitingAsync(platform);
        await platform.Broker.BindAsync(Queue, Cancel);
        var routable = await SendAsync(platform);

        AssertUnavailable(unroutable);
        Assert.Equal(HttpStatusCode.OK, routable.Status);
        Assert.Equal(1, await platform.Broker.TakeEventsAsync(Queue, Cancel));
    }

    [Fact]
    public async Task Sending_to_a_queue_by_its_name_declares_it_again_and_never_ends_so_we_send_to_exchanges()
    {
        await using var platform = await CreateAsync(servers);
        await using var bus = await DefaultBus.StartAsync(platform.RabbitMq);

        var queue = await bus.Control.GetSendEndpoint(new Uri($"queue:{Queue}"));
        var exchange = await bus.Control.GetSendEndpoint(new Uri($"exchange:{Queue}"));
        using var token = new CancellationTokenSource(TimeSpan.FromSeconds(2));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.Send(new Unheard(1), token.Token));
        await exchange.Send(new Unheard(2), Cancel);
        Assert.Equal(1u, await platform.Broker.CountAsync(Queue, Cancel));
    }

    [Fact]
    public async Task A_batch_goes_by_the_name_of_one_member_so_messages_are_consumed_one_by_one()
    {
        var batches = new TaskCompletionSource<(Guid? Name, Guid?[] Members)>();
        var bus = Bus.Factory.CreateUsingInMemory(memory => memory.ReceiveEndpoint("batches", endpoint => endpoint.Batch<Unheard>(batch =>
        {
            batch.MessageLimit = 2;
            batch.Consumer(() => new BatchReader(batches));
        })));
        await bus.StartAsync(Cancel);

        await Task.WhenAll(bus.Publish(new Unheard(1), Cancel), bus.Publish(new Unheard(2), Cancel));
        var (name, members) = await batches.Task.WaitAsync(Cancel);

        // An inbox would treat the whole batch as consumed when only that member was.
        Assert.Equal(2, members.Length);
        Assert.Contains(name, members);
        await bus.StopAsync(Cancel);
        Assert.DoesNotContain(
            typeof(Processor.Worker.Consumers.WebhookReceivedConsumer).Assembly.GetTypes().SelectMany(type => type.GetInterfaces()),
            contract => contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(IConsumer<>)
                && contract.GenericTypeArguments is [{ IsGenericType: true }]);
    }

    [Fact]
    public async Task A_refusal_is_taken_for_a_broken_connection_by_a_bus_and_heard_at_once_by_the_ingress()
    {
        await using var platform = await CreateAsync(servers);
        var ingress = await platform.StartIngressAsync();
        await using var bus = await DefaultBus.StartAsync(platform.RabbitMq);
        await platform.Broker.ReplaceQueueAsync(Queue, new() { ["x-max-length"] = 0, ["x-overflow"] = "reject-publish" }, Cancel);
        await platform.Broker.BindAsync(Queue, Cancel);

        using var token = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var exchange = await bus.Control.GetSendEndpoint(new Uri($"exchange:{Queue}"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exchange.Send(new Unheard(1), token.Token));
        await Waiting.UntilAsync("a refusal", async () =>
        {
            AssertUnavailable(await SendAsync(platform));
            return await SaysAsync(ingress, "The broker refused it");
        }, Cancel);
        await AssertRefusedWithoutWaitingAsync(platform);
    }

    [Fact]
    public async Task A_publish_outlives_its_token_when_the_broker_hangs_so_no_request_waits_for_it()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartIngressAsync();
        await using var bus = await DefaultBus.StartAsync(platform.RabbitMq);
        await bus.Control.Publish(new Unheard(0), Cancel);
        platform.OwnBroker.Process.Halt();

        var first = SendAsync(platform);
        // On a busy machine, a token may end before its publish reaches the client that ignores it.
        await Waiting.UntilAsync("a publish that outlives its token", async () =>
        {
            using var token = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            var publish = bus.Control.Publish(new Unheard(1), token.Token);
            await Waiting.UntilAsync("a second", () => Task.FromResult(token.IsCancellationRequested), Cancel);
            return !publish.IsCompleted;
        }, Cancel);
        AssertUnavailable(await first);
        await AssertRefusedWithoutWaitingAsync(platform);

        platform.OwnBroker.Process.Continue();
        await RecoverAsync(platform);
    }

    [Fact]
    public async Task What_was_given_up_is_delivered_all_the_same_and_takes_effect_once()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartIngressAsync();
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(platform)).Status);
        var domainEvents = await platform.Broker.SubscribeAsync(Cancel);
        var body = NewEvent();
        platform.OwnBroker.Process.Halt();

        AssertUnavailable(await SendAsync(platform, body));
        platform.OwnBroker.Process.Continue();
        await Waiting.UntilAsync("the ghost", async () => await platform.Broker.CountAsync(Queue, Cancel) >= 2, Cancel);
        await Waiting.UntilAsync("200", async () => (await SendAsync(platform, body)).Status is HttpStatusCode.OK, Cancel);
        Assert.True(await platform.Broker.CountAsync(Queue, Cancel) > 2);
        await platform.StartWorkerAsync();

        await platform.CountAsync(2, "select count(*) from jobs where status = 'completed'");
        await platform.AssertDrainedAsync();
        await Waiting.UntilAsync("both domain events", () => Task.FromResult(domainEvents.Count >= 2), Cancel);
        Assert.Single(domainEvents, one => one.JobId == MagicHourEvent.Parse(body).JobId);
    }

    [Fact]
    public async Task The_bus_calls_itself_healthy_without_a_broker_so_the_ingress_looks_for_itself()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var ingress = await platform.StartIngressAsync();
        await using var bus = await DefaultBus.StartAsync(platform.RabbitMq);
        await bus.Control.Publish(new Unheard(0), Cancel);

        await platform.OwnBroker.Process.KillAsync(Cancel);
        await Waiting.UntilAsync("the ingress misses it", () => SaysAsync(ingress, "The broker is now Unavailable"), Cancel);
        Assert.Equal(BusHealthStatus.Healthy, bus.Control.CheckHealth().Status);
        await AssertRefusedWithoutWaitingAsync(platform);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await GetAsync(platform, "/health/ready"), await GetAsync(platform, "/health/live")));

        await platform.OwnBroker.Process.StartAsync(Cancel);
        await RecoverAsync(platform);
    }

    [Fact]
    public async Task A_queue_without_its_quorum_looks_well_so_one_publish_waits_for_it_and_not_all()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartIngressAsync();
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(platform)).Status);
        await platform.OwnBroker.ControlAsync(Cancel, "eval", $"ok = ra:stop_server(quorum_queues, {{'%2F_{Queue}', node()}}).");

        // The queue exists all the same, as far as a connection can tell.
        Assert.True(await platform.Broker.ExistsAsync(Queue, Cancel));
        AssertUnavailable(await SendAsync(platform));
        await AssertRefusedWithoutWaitingAsync(platform);

        await platform.OwnBroker.ControlAsync(Cancel, "eval", $"ok = ra:restart_server(quorum_queues, {{'%2F_{Queue}', node()}}).");
        await RecoverAsync(platform);
    }

    private static Task RecoverAsync(TestPlatform platform) =>
        Waiting.UntilAsync("200", async () => (await SendAsync(platform)).Status is HttpStatusCode.OK, Cancel);

    private static void AssertUnavailable(Answer answer)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
        Assert.InRange(answer.RetryAfter ?? TimeSpan.Zero, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
    }

    /// <summary>
    /// Uses the ingress's own record of which requests waited, because response times are unreliable on a busy machine. Only probes may
    /// have timed out, one per budget period.
    /// </summary>
    private static async Task AssertRefusedWithoutWaitingAsync(TestPlatform platform)
    {
        const int requests = 50;
        var ingress = platform.Ingresses[0].Webhook;
        var before = await Scrape.ReadAsync(ingress, Cancel);
        var watch = Stopwatch.StartNew();

        var answers = await Task.WhenAll(Enumerable.Range(0, requests).Select(_ => SendAsync(platform)));
        var probes = 1 + (int)(watch.Elapsed / Budget);
        var after = before;
        await Waiting.UntilAsync(
            "the metrics have every request",
            async () => Unpublished(after = await Scrape.ReadAsync(ingress, Cancel)) - Unpublished(before) >= requests,
            Cancel);

        Assert.All(answers, AssertUnavailable);
        Assert.InRange(TimedOut(after) - TimedOut(before), 0, probes);

        static double Unpublished(Scrape scrape) => scrape.Sum("broker_publishes_failed_total") + scrape.Sum("broker_publishes_not_tried_total");
        static double TimedOut(Scrape scrape) => scrape.Sum("broker_publishes_failed_total", "result=\"timed_out\"");
    }

    private static async Task<bool> SaysAsync(ServerProcess process, string text) =>
        (await File.ReadAllTextAsync(process.Daemon.LogFile, Cancel)).Contains(text, StringComparison.Ordinal);

    private static Task<Answer> SendAsync(TestPlatform platform) => SendAsync(platform, NewEvent());

    private static async Task<Answer> SendAsync(TestPlatform platform, byte[] body)
    {
        using var response = await platform.Ingresses[0].SendAsync(body, Cancel);
        return new Answer(response.StatusCode, response.Headers.RetryAfter?.Delta);
    }

    private static async Task<HttpStatusCode> GetAsync(TestPlatform platform, string path)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(platform.Ingresses[0].Webhook, path), Cancel);
        return response.StatusCode;
    }

    private sealed class BatchReader(TaskCompletionSource<(Guid? Name, Guid?[] Members)> batches) : IConsumer<Batch<Unheard>>
    {
        public Task Consume(ConsumeContext<Batch<Unheard>> context)
        {
            batches.TrySetResult((context.MessageId, [.. context.Message.Select(member => member.MessageId)]));
            return Task.CompletedTask;
        }
    }

    private sealed record Answer(HttpStatusCode Status, TimeSpan? RetryAfter);
}
