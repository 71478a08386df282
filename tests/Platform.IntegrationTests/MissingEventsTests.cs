using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Contracts;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Events that were answered 2xx and are lost are named, and nothing else is.</summary>
public sealed class MissingEventsTests(ServersFixture servers)
{
    private const string Key = "the key of an operator, for tests";

    private static readonly Dictionary<string, string?> OfIngress = new() { ["Accounting__ReportInterval"] = "00:00:01" };
    private static readonly Dictionary<string, string?> OfWorker = new() { ["Accounting__Patience"] = "00:00:03", ["Operations__ApiKeys__0"] = Key };

    [Fact]
    public async Task A_purged_queue_and_a_deleted_row_are_named_and_what_was_never_confirmed_is_not()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartIngressAsync(settings: OfIngress);
        var worker = await platform.StartWorkerAsync(settings: OfWorker);
        await platform.SendAsync([.. NewEvents(9), NewEvent("deleted by hand"), """{"type":"video.completed"}"""u8.ToArray()]);
        await platform.CountAsync(10, "select count(*) from webhook_events");
        var doomed = await platform.StartIngressAsync(settings: OfIngress);
        // Unconfirmed: the broker does not answer, and then there is no one to answer.
        platform.OwnBroker.Process.Halt();
        var unanswered = NewEvents(20).Select(body => platform.Ingresses[1].SendAsync(body, Cancel)).ToArray();
        await Task.WhenAny(Task.WhenAll(unanswered), Task.Delay(TimeSpan.FromSeconds(1), Cancel));
        await doomed.KillAsync(Cancel);
        platform.OwnBroker.Process.Continue();
        await Task.WhenAll(unanswered).ContinueWith(_ => { }, Cancel, TaskContinuationOptions.None, TaskScheduler.Default);
        platform.Ingresses[1].Dispose();
        platform.Ingresses.RemoveAt(1);
        await Waiting.UntilAsync("the ingress accepts again", async () => (await platform.SendAsync(NewEvents(1))).ContainsKey(200), Cancel);
        using (var before = Client(platform.Workers[0]))
        {
            // Otherwise the worker could hold a delivery that returns to the queue.
            await Waiting.UntilAsync(
                "all are applied",
                async () => Counts(await ReportAsync(before)) is ( >= 12, var applied, 0) && applied + 1 == Sum(await ReportAsync(before), "accepted"),
                Cancel);
        }

        await worker.KillAsync(Cancel);
        var statuses = await platform.SendAsync(NewEvents(300));
        await Waiting.UntilAsync("300 wait", async () => await platform.Broker.CountAsync(Topology.WebhookReceivedQueue, Cancel) >= 300, Cancel);
        await platform.Broker.PurgeAsync(Topology.WebhookReceivedQueue, Cancel);
        await platform.StartWorkerAsync(settings: OfWorker);
        var deleted = await platform.QueryAsync<Guid>("delete from webhook_events where job_id = 'deleted by hand' returning delivery_id");
        using var http = Client(platform.Workers[^1]);
        await Waiting.UntilAsync("300 and 1 are missing", async () => Lost(await ReportAsync(http)) is ( >= 300, >= 1), Cancel, TimeSpan.FromSeconds(60));
        var accepted = Sum(await ReportAsync(http), "accepted");
        await platform.SendAsync(NewEvents(5));
        // On a busy machine an event is missing for a while: applied later than the worker's patience.
        JsonElement report = default;
        await Waiting.UntilAsync(
            "the next are accounted",
            async () => Sum(report = await ReportAsync(http), "accepted") == accepted + 5 && Sum(report, "inFlight") == 0 && Sum(report, "missing") == 300,
            Cancel,
            TimeSpan.FromSeconds(60));

        Assert.Equal(300, statuses[200]);
        Assert.Equal((300, 1), Lost(report));
        Assert.Equal(1, Sum(report, "quarantined"));
        Assert.Equal(
            Sum(report, "accepted"),
            new[] { "applied", "quarantined", "parked", "inFlight", "missing", "deleted" }.Sum(name => Sum(report, name)));
        var missing = report.GetProperty("missing").EnumerateArray().ToArray();
        var number = PublishNumber.FromDeliveryId(deleted)!.Value;
        Assert.Equal(300, missing.Where(one => Cause(one) == "not_received").Sum(one => one.GetProperty("count").GetInt64()));
        Assert.Single(missing.Where(one => Cause(one) == "not_received").Select(one => one.GetProperty("source").GetString()).Distinct());
        var row = Assert.Single(missing, one => Cause(one) == "deleted");
        Assert.Equal(
            ($"{number.Source:x15}", number.Number, number.Number),
            (row.GetProperty("source").GetString(), row.GetProperty("first").GetInt64(), row.GetProperty("last").GetInt64()));
        await Waiting.UntilAsync(
            "the metrics show it", async () => (await Scrape.ReadAsync(platform.Workers[^1], Cancel)).Sum("accounting_events_missing") == 301, Cancel, TimeSpan.FromSeconds(40));
    }

    [Fact]
    public async Task What_is_parked_discarded_and_released_is_not_missing()
    {
        await using var platform = await CreateAsync(servers);
        await platform.StartIngressAsync(settings: OfIngress);
        await platform.StartWorkerAsync(settings: OfWorker);
        await platform.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
            create trigger refuse before insert on webhook_events for each row when (new.job_id like 'odd%') execute function refuse()
            """);
        await platform.SendAsync([.. NewEvents(4), NewEvent("odd 1"), NewEvent("odd 2")]);
        await Waiting.UntilAsync("two are parked", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 2, Cancel);
        using var http = Client(platform.Workers[0]);

        await Waiting.UntilAsync("all are accounted", async () => Counts(await ReportAsync(http)) == (6, 4, 2), Cancel, TimeSpan.FromSeconds(30));
        await platform.ExecuteAsync("drop trigger refuse on webhook_events");
        await platform.ReleaseAsync("--error");

        await Waiting.UntilAsync("the released ones are applied", async () => Counts(await ReportAsync(http)) == (6, 6, 0), Cancel, TimeSpan.FromSeconds(30));
        await Waiting.UntilAsync(
            "the patience is over", async () => await platform.QueryAsync<bool>("select max(noted_at) < now() - interval '4 s' from publish_periods"), Cancel, TimeSpan.FromSeconds(30));
        Assert.Equal((0, 0), Lost(await ReportAsync(http)));
        Assert.Equal(6, await platform.QueryAsync<long>("select max(accepted) from ingress_answers"));
        Assert.Equal(0u, await platform.Broker.CountAsync(Topology.SkippedQueue, Cancel));
    }

    private static HttpClient Client(Uri worker)
    {
        var http = new HttpClient { BaseAddress = worker };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return http;
    }

    private static Task<JsonElement> ReportAsync(HttpClient http) => http.GetFromJsonAsync<JsonElement>("/ops/accounting", Cancel);

    private static (long Missing, long Deleted) Lost(JsonElement report) => (Sum(report, "missing"), Sum(report, "deleted"));

    private static (long Accepted, long Applied, long Parked) Counts(JsonElement report) => (Sum(report, "accepted"), Sum(report, "applied"), Sum(report, "parked"));

    private static long Sum(JsonElement report, string name) => report.GetProperty("sums").GetProperty(name).GetInt64();

    private static string? Cause(JsonElement missing) => missing.GetProperty("cause").GetString();
}
