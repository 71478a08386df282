using System.Net.Http.Headers;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Tests;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Records the data of a release, with which <see cref="UpgradingTests"/> test the versions after it: see "Releases" in CONTRIBUTING.md.</summary>
public sealed class RecordingReleaseDataTests(ServersFixture servers)
{
    private const string Key = "the key of an operator, for tests";

    [Fact]
    public async Task Everything_that_a_release_may_leave_behind_is_recorded()
    {
        var tag = Environment.GetEnvironmentVariable("RECORD_RELEASE") ?? "";
        Assert.SkipWhen(tag.Length == 0, "It writes files, and runs only when RECORD_RELEASE is a tag, such as v1.0.0.");
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await using var refusing = await WebhookReceiver.StartAsync(Cancel);
        refusing.AnswerWith(410);
        await using var platform = await CreateAsync(servers);
        var ingress = await platform.StartIngressAsync(settings: new Dictionary<string, string?> { ["Accounting__ReportInterval"] = "00:00:01" });
        var worker = await platform.StartWorkerAsync(settings: Settings(magicHour, receiver, refusing));

        await StormAsync(platform, receiver);
        await ReconcileAsync(platform, magicHour);
        await ParkAsync(platform, refusing);
        await EraseAsync(platform);
        (await Services.RunVerbAsync(platform.RabbitMq, platform.ConnectionString, ["retention"], Cancel)).ThrowIfFailed("retention");
        await platform.CountAsync(0, "select -count(*) from outbox_message");
        await platform.CountAsync(0, "select -count(*) from notifications where status in ('pending', 'sending')");
        await platform.CountAsync(0, "select -count(*) from received_numbers");
        await worker.StopAsync(Cancel);
        await QueueAsync(platform, receiver);
        await ingress.StopAsync(Cancel);
        // As a killed worker leaves it.
        await platform.ExecuteAsync(
            """
            insert into outbox_message (message_id, message_type, body, created_at)
            values (gen_random_uuid(), 'JobStarted', '{"jobId":"found","resource":"video","startedAt":"2026-11-30T12:00:00Z"}', now())
            """);
        await platform.ExecuteAsync("update publish_sources set instance = 'ingress'; update publish_periods set instance = 'ingress'");
        await new ReleaseData(tag).SaveAsync(platform, Cancel);
        Assert.NotEmpty(new ReleaseData(tag).Messages);
    }

    private static Dictionary<string, string?> Settings(ScriptedMagicHour magicHour, WebhookReceiver receiver, WebhookReceiver refusing) => new()
    {
        ["MagicHourApi__BaseUrl"] = magicHour.Url,
        ["MagicHourApi__Key"] = ScriptedMagicHour.Key,
        ["Reconcile__FirstAfter"] = "00:00:01",
        ["Reconcile__TimeScale"] = "0.001",
        ["OutgoingWebhooks__Secrets__0"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ["OutgoingWebhooks__AllowedTargets__0"] = receiver.Target,
        ["OutgoingWebhooks__AllowedTargets__1"] = refusing.Target,
        ["Operations__ApiKeys__0"] = Key,
        ["Notifications__PollInterval"] = "00:00:00.200",
    };

    /// <summary>Events with and without owners, variants, duplicates, unusable bodies.</summary>
    private static async Task StormAsync(TestPlatform platform, WebhookReceiver receiver)
    {
        var settings = new StormSettings { Seed = 1, Events = 60, Rate = 30, TimeCompression = 120, Unusable = 0.05, Variants = 0.1 };
        var plan = StormPlan.Create(settings, TimeProvider.System.GetUtcNow());
        var owners = new Owners(plan, platform.RabbitMq, receiver);
        await owners.RegisterFirstAsync(Cancel);
        using var storm = new Storm(plan, [new StormTarget($"http://{platform.Ingresses[0].Webhook.Authority}", Secret)], TimeProvider.System);
        await storm.RunAsync(Cancel);
        await platform.AssertDrainedAsync();
    }

    /// <summary>An end that was found by asking, a cancellation, and checks that are planned.</summary>
    private static async Task ReconcileAsync(TestPlatform platform, ScriptedMagicHour magicHour)
    {
        magicHour.Answer("video", "found", ScriptedMagicHour.Completed("found"));
        magicHour.Answer("video", "canceled", ScriptedMagicHour.Project("canceled", "canceled"));
        magicHour.Answer("video", "rendering", ScriptedMagicHour.Project("rendering", "rendering"));
        await platform.Broker.PublishAsync(Register("rendering", "ada@example.com", null), Cancel);
        await platform.SendAsync([.. new[] { "found", "canceled", "rendering", "to-erase" }.Select(job => NewEvent("video.started", job))]);
        await platform.CountAsync(2, "select count(*) from webhook_events where origin = 'reconcile' and job_id in ('found', 'canceled')");
        await platform.CountAsync(1, "select count(*) from job_checks where job_id = 'rendering' and attempts > 0");
    }

    /// <summary>A parked notification and a parked message.</summary>
    private static async Task ParkAsync(TestPlatform platform, WebhookReceiver refusing)
    {
        await platform.Broker.PublishAsync(Register("refused", null, refusing.Url), Cancel);
        await platform.SendAsync([NewEvent("refused")]);
        await platform.CountAsync(1, "select count(*) from notifications where status = 'parked'");
        await platform.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
            create trigger refuse before insert on webhook_events for each row when (new.job_id = 'parked') execute function refuse()
            """);
        await platform.SendAsync([NewEvent("parked")]);
        await Waiting.UntilAsync("a message is parked", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 1, Cancel);
        await platform.ExecuteAsync("drop function refuse cascade");
    }

    private static async Task EraseAsync(TestPlatform platform)
    {
        using var http = new HttpClient { BaseAddress = platform.Workers[0] };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        using var response = await http.DeleteAsync(new Uri("/ops/jobs/to-erase/data?reason=test", UriKind.Relative), Cancel);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Messages that wait: ends, a duplicate, an event of the erased job, an unusable body, an unknown type, a registration, and the ingress's last report.</summary>
    private static async Task QueueAsync(TestPlatform platform, WebhookReceiver receiver)
    {
        await platform.Broker.PublishAsync(Register("waiting", null, receiver.Url), Cancel);
        await platform.SendAsync(
        [
            NewEvent("waiting"), NewEvent("video.started", "waiting"), NewEvent("rendering"), NewEvent("found"), NewEvent("to-erase"), NewEvent("image.errored", "failing"),
            NewEvent("video.watched", "waiting"), """{"type":"video.completed"}"""u8.ToArray(),
        ]);
        await Waiting.UntilAsync("all wait", async () => await platform.Broker.CountAsync(Topology.WebhookReceivedQueue, Cancel) >= 8, Cancel);
    }
}
