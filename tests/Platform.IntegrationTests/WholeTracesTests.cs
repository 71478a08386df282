using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The trace of an event is one tree, however many events arrive at once and whichever process dies on the way. A killed process leaves spans without their parent beside it.</summary>
public sealed class WholeTracesTests(ServersFixture servers)
{
    private const string Root = "POST /webhook";
    private const string Published = "publish Platform.Contracts:JobCompleted";

    [Fact]
    public async Task Each_of_500_at_once_is_one_tree()
    {
        await using var collector = new Collector();
        await using var platform = await CreateAsync(servers);
        await platform.StartWorkerAsync(settings: collector.Settings);
        await platform.StartWorkerAsync(settings: collector.Settings);
        await platform.StartIngressAsync(settings: collector.Settings);

        var answers = await Task.WhenAll(NewEvents(500).Select(body => platform.Ingresses[0].SendAsync(body, Cancel)));
        Assert.All(answers, answer => answer.EnsureSuccessStatusCode().Dispose());

        await AssertTreesAsync(collector, platform, events: 500);
    }

    [Fact]
    public async Task A_worker_that_is_killed_leaves_orphans_and_the_next_one_completes_the_traces()
    {
        await using var collector = new Collector();
        await using var platform = await CreateAsync(servers);
        var doomed = await platform.StartWorkerAsync(settings: collector.Settings);
        // Its reports, of which one waits with the events, are in no trace.
        await platform.StartIngressAsync(settings: new Dictionary<string, string?>(collector.Settings) { ["Accounting__ReportInterval"] = "00:00:01" });
        await platform.ExecuteAsync("alter table webhook_events rename to hidden");
        await platform.SendAsync(NewEvents(20));
        await Waiting.UntilAsync("all are in work", async () => await platform.Broker.CountAsync("webhook-received", Cancel) == 0, Cancel);
        // By then its members have passed the consumer, and their ended spans are exported.
        await collector.UntilAsync("an attempt to commit", spans => spans.Any(span => span.Name == "group commit"));

        await doomed.KillAsync(Cancel);
        await platform.ExecuteAsync("alter table hidden rename to webhook_events");
        await platform.StartWorkerAsync(settings: collector.Settings);

        await collector.UntilAsync("20 published domain events", spans => spans.Count(span => span.Name == Published) == 20);
        await platform.AssertDrainedAsync();
        Assert.All(
            collector.Spans.Where(span => span.Name == Root).ToArray(),
            root => Assert.Equal(TracingTests.WayOfAnEvent, collector.ReadTreeBelow(Root, root.TraceId)));
        Assert.All(
            collector.Spans.Where(span => span.Name == "webhook-received receive"),
            receive => Assert.Equal("1", receive.Attributes["messaging.rabbitmq.message.delivery_count"]));
        Assert.All(
            collector.Spans.Where(span => span.Name == "commit"),
            commit => Assert.Equal("new", commit.Attributes["webhook.outcome"]));
    }

    private static async Task AssertTreesAsync(Collector collector, TestPlatform platform, int events)
    {
        await collector.UntilAsync($"{events} published domain events", spans => spans.Count(span => span.Name == Published) == events);
        await platform.AssertDrainedAsync();
        var roots = collector.Spans.Where(span => span.Name == Root).Select(span => span.TraceId).ToArray();
        Assert.Equal(events, roots.Distinct().Count());
        Assert.All(roots, root => Assert.Equal(TracingTests.WayOfAnEvent, collector.ReadTree(root)));
        var all = collector.Spans.Select(span => span.Id).ToHashSet();
        Assert.DoesNotContain(collector.Spans, span => span.ParentId.Length > 0 && !all.Contains(span.ParentId));
        Assert.Equal(
            roots.Order(),
            (await platform.QueryAsync<string[]>("select array_agg(trace_id) from webhook_events")).Order());
    }
}
