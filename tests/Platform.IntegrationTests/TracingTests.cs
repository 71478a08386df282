using System.Net;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>A person who does not know the code can follow an event through its trace.</summary>
public sealed class TracingTests(ServersFixture servers)
{
    // Each span with its parent. MassTransit's "process" is the consumer, which only fills the unit of work; the inbox around it commits.
    internal static readonly (string Name, string Parent)[] WayOfAnEvent =
    [
        ("POST /webhook", ""),
        ("commit", "webhook-received receive"),
        ("publish Platform.Contracts:JobCompleted", "webhook-received receive"),
        ("publish Platform.Contracts:WebhookReceived", "POST /webhook"),
        ("webhook-received process", "webhook-received receive"),
        ("webhook-received receive", "publish Platform.Contracts:WebhookReceived"),
    ];

    [Fact]
    public async Task Each_webhook_is_one_tree_from_the_request_to_its_commit_and_the_domain_event()
    {
        await using var collector = new Collector();
        await using var platform = await StartAsync(collector.Settings, collector.Settings);
        var events = NewEvents(20);

        Assert.Equal(new Dictionary<int, int> { [200] = 20 }, await platform.SendAsync(events));
        await UntilPublishedAsync(collector, 20);

        var traces = collector.Spans.ToLookup(span => span.TraceId);
        foreach (var root in collector.Spans.Where(span => span.Name == "POST /webhook"))
        {
            Assert.Equal(WayOfAnEvent, collector.ReadTree(root.TraceId));
            var commit = traces[root.TraceId].Single(span => span.Name == "commit");
            Assert.Equal(("postgresql", "new"), (commit.Attributes["db.system.name"], commit.Attributes["webhook.outcome"]));
            Assert.Equal(("video.completed", "false"), (commit.Attributes["webhook.event_type"], commit.Attributes["webhook.late"]));
            Assert.Equal(root.Attributes["webhook.job_id"], commit.Attributes["webhook.job_id"]);
            var group = collector.Spans.Single(span => span.Name == "group commit" && (span.TraceId, span.Id) == Assert.Single(commit.Links));
            Assert.Contains((root.TraceId, commit.ParentId), group.Links);
        }

        Assert.Equal(
            events.Select(body => MagicHourEvent.Parse(body).JobId).Order(),
            Commits(collector).Select(span => span.Attributes["webhook.job_id"]).Order());
        await platform.CountAsync(20, "select count(*) from webhook_events where trace_id is not null");
    }

    [Fact]
    public async Task The_database_is_under_the_group_and_nothing_is_there_twice_or_on_its_own()
    {
        await using var collector = new Collector();
        await using var platform = await StartAsync(collector.Settings, collector.Settings);

        await platform.SendAsync(NewEvents(5));
        await UntilPublishedAsync(collector, 5);

        var spans = collector.Spans.ToDictionary(span => span.Id);
        string[] roots = ["POST /webhook", "group commit"];
        Assert.Equal(roots.Order(), spans.Values.Where(span => span.ParentId.Length == 0).Select(span => span.Name).Distinct().Order());
        var ofTheDatabase = spans.Values.Where(span => span.Attributes.ContainsKey("db.system.name") && span.Name != "commit").ToArray();
        Assert.NotEmpty(ofTheDatabase);
        Assert.All(ofTheDatabase, span => Assert.Equal("group commit", spans[span.ParentId].Name));
        Assert.Equal(
            WayOfAnEvent.Select(one => one.Name).Append("group commit").Order(StringComparer.Ordinal),
            spans.Values.Except(ofTheDatabase).Select(span => span.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(WayOfAnEvent.Length * 5, spans.Values.Count(span => span.Name != "group commit") - ofTheDatabase.Length);
    }

    [Fact]
    public async Task A_further_delivery_has_its_own_trace_with_a_link_to_the_first()
    {
        await using var collector = new Collector();
        await using var platform = await StartAsync(collector.Settings, collector.Settings);
        var body = NewEvents(1)[0];
        await platform.SendAsync([body]);
        await platform.CountAsync(1, "select count(*) from webhook_events");

        using var late = await platform.Ingresses[0].SendAsync(body, TimeProvider.System.GetUtcNow().AddHours(-1), Cancel);
        await collector.UntilAsync("two commits", spans => spans.Count(span => span.Name == "commit") == 2);

        Assert.Equal(HttpStatusCode.OK, late.StatusCode);
        var first = await platform.QueryAsync<string>("select trace_id from webhook_events");
        var repeated = collector.Spans.Single(span => span.Name == "commit" && span.Attributes["webhook.outcome"] == "duplicate");
        Assert.NotEqual(first, repeated.TraceId);
        Assert.Equal("true", repeated.Attributes["webhook.late"]);
        Assert.Contains(first, repeated.Links.Select(link => link.TraceId));
    }

    [Fact]
    public async Task A_release_is_a_trace_of_its_own_with_a_link_to_the_one_that_was_parked()
    {
        await using var collector = new Collector();
        await using var platform = await StartAsync(collector.Settings, collector.Settings);
        await platform.ExecuteAsync("alter table webhook_events add constraint no_video check (event_type not like 'video%')");
        await platform.SendAsync(NewEvents(1));
        await collector.UntilAsync("a parked message", spans => spans.Any(IsParked));
        await Waiting.UntilAsync("it is parked", async () => await platform.Broker.CountAsync("webhook-received_error", Cancel) == 1, Cancel);
        await platform.ExecuteAsync("alter table webhook_events drop constraint no_video");

        var released = await platform.ReleaseAsync(collector.Settings, "--error");
        await collector.UntilAsync("its commit", spans => spans.Any(span => span.Name == "commit" && span.Links.Length > 0));

        Assert.Equal(0, released.ExitCode);
        var parked = collector.Spans.Single(IsParked);
        var release = collector.Spans.Single(span => span.Name == "release");
        var commit = Commits(collector).Single(span => span.Links.Length > 0);
        Assert.Equal((release.TraceId, release.TraceId), (commit.TraceId, await platform.QueryAsync<string>("select trace_id from webhook_events")));
        Assert.NotEqual(parked.TraceId, release.TraceId);
        Assert.Equal(parked.TraceId, Assert.Single(release.Links).TraceId);
        Assert.Equal("23514", Commits(collector).Single(span => span.TraceId == parked.TraceId).Attributes["error.type"]);
    }

    [Theory]
    [InlineData("0", "1")]
    [InlineData("1", "0")]
    [InlineData(null, "1")]
    public async Task A_trace_is_not_lost_where_it_is_not_sampled(string? ingress, string worker)
    {
        await using var collector = new Collector();
        await using var platform = await StartAsync(Sampled(ingress), Sampled(worker));

        await platform.SendAsync(NewEvents(3));
        await platform.CountAsync(3, "select count(distinct trace_id) from webhook_events");
        await platform.AssertDrainedAsync();

        // Follows the ingress's sampling decision, or the worker's where the ingress creates no spans.
        if (ingress is null)
        {
            await collector.UntilAsync("3 commits", spans => spans.Count(span => span.Name == "commit") == 3);
            Assert.Equal(3, await CountAsync(platform, Commits(collector).Select(span => span.TraceId)));
        }
        else if (ingress == "1")
        {
            await collector.UntilAsync("3 commits", spans => spans.Count(span => span.Name == "commit") == 3);
        }
        else
        {
            // A group has its own trace. Anything exported with a later one would have been exported before it.
            var groups = collector.Spans.Count(span => span.Name == "group commit");
            await platform.SendAsync(NewEvents(1));
            await collector.UntilAsync("another group", spans => spans.Count(span => span.Name == "group commit") > groups);
            Assert.DoesNotContain(collector.Spans, span => span.Name is "POST /webhook" or "commit");
        }

        Dictionary<string, string?> Sampled(string? ratio) => ratio is null ? [] : new(collector.Settings)
        {
            ["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio",
            ["OTEL_TRACES_SAMPLER_ARG"] = ratio,
        };
    }

    private async Task<TestPlatform> StartAsync(IReadOnlyDictionary<string, string?> ingress, IReadOnlyDictionary<string, string?> worker)
    {
        var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync(settings: worker);
        await platform.StartIngressAsync(settings: ingress);
        return platform;
    }

    private static bool IsParked(Span span) => span.Attributes.GetValueOrDefault("webhook.outcome") == "parked";

    private static IEnumerable<Span> Commits(Collector collector) => collector.Spans.Where(span => span.Name == "commit");

    private static Task UntilPublishedAsync(Collector collector, int events) => collector.UntilAsync(
        $"{events} published domain events", spans => spans.Count(span => span.Name == "publish Platform.Contracts:JobCompleted") == events);

    private static async Task<long> CountAsync(TestPlatform platform, IEnumerable<string> traceIds) => await platform.QueryAsync<long>(
        $"select count(*) from webhook_events where trace_id in ({string.Join(", ", traceIds.Select(id => $"'{id}'"))})");
}
