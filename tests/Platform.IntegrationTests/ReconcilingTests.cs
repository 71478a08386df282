using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.DevStack;
using Platform.Tests;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// Webhooks that never arrive, and Magic Hour's API that knows better: a real server with scripted answers. The schedule runs a thousand times
/// faster, so that an hour takes 3.6 seconds.
/// </summary>
public sealed class ReconcilingTests(ServersFixture servers)
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Key = "the key of an operator, for tests";

    [Fact]
    public async Task A_completion_that_is_never_sent_is_found_and_the_webhook_that_comes_after_all_has_no_second_effect()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(settings: Settings(magicHour, receiver));
        await platform.StartIngressAsync();
        magicHour.Answer("video", "j", ScriptedMagicHour.Completed("j"));
        await platform.Broker.PublishAsync(Register("j", null, receiver.Url), Cancel);
        await platform.SendAsync([NewEvent("video.started", "j")]);

        await platform.CountAsync(1, "select count(*) from notifications where status = 'delivered' and outcome = 'completed'");
        await platform.CountAsync(1, "select count(*) from webhook_events where event_type = 'video.completed' and origin = 'reconcile'");
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed' and download_url like '%/j/output.mp4?sig=2'");
        await platform.SendAsync([NewEvent("video.completed", "j")]);
        await platform.CountAsync(1, "select count(*) from webhook_events where event_type = 'video.completed' and cardinality(variants) = 1");

        await AssertNotifiedOnceAsync(platform, magicHour, receiver, "job.completed");
        Assert.Equal(1, (await Scrape.ReadAsync(platform.Workers[0], Cancel)).Sum("reconcile_events_missed_total", "video.completed"));
        Assert.DoesNotContain(magicHour.Requests, request => !request.Request.StartsWith("GET ", StringComparison.Ordinal));
        Assert.DoesNotContain(ScriptedMagicHour.Key, string.Concat(platform.Logs), StringComparison.Ordinal);
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task An_answer_that_is_overtaken_by_the_webhook_has_no_second_effect()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(settings: Settings(magicHour, receiver));
        await platform.StartIngressAsync();
        var overtaken = new TaskCompletionSource();
        magicHour.Answers["video/j"] = async http =>
        {
            await overtaken.Task.WaitAsync(http.RequestAborted);
            await ScriptedMagicHour.WriteAsync(http, 200, ScriptedMagicHour.Completed("j"));
        };
        await platform.Broker.PublishAsync(Register("j", null, receiver.Url), Cancel);
        await platform.SendAsync([NewEvent("video.started", "j")]);
        await Waiting.UntilAsync("the API is asked", () => Task.FromResult(!magicHour.Requests.IsEmpty), Cancel);

        await platform.SendAsync([NewEvent("video.completed", "j")]);
        await platform.CountAsync(1, "select count(*) from notifications where status = 'delivered'");
        overtaken.SetResult();

        await platform.CountAsync(1, "select count(*) from webhook_events where event_type = 'video.completed' and origin = 'live' and cardinality(variants) = 1");
        await AssertNotifiedOnceAsync(platform, magicHour, receiver, "job.completed");
        await platform.CountAsync(0, "select -count(*) from job_checks where job_id = 'j'");
    }

    [Fact]
    public async Task A_job_that_was_canceled_or_deleted_is_closed_and_its_owner_notified()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(settings: Settings(magicHour, receiver));
        magicHour.Answer("video", "canceled", ScriptedMagicHour.Project("canceled", "canceled"));
        magicHour.Answer("video", "deleted", ScriptedMagicHour.Project("deleted", "rendering", ""","enabled":false"""));
        magicHour.Answer("image", "of another kind", ScriptedMagicHour.Project("of another kind", "canceled"));
        foreach (var job in new[] { "canceled", "deleted", "of another kind" })
        {
            await platform.Broker.PublishAsync(Register(job, null, receiver.Url), Cancel);
        }

        await platform.CountAsync(3, "select count(*) from notifications where status = 'delivered' and outcome = 'canceled'");

        await platform.CountAsync(3, "select count(*) from jobs where status = 'canceled' and canceled_at is not null");
        Assert.Equal("deleted", await platform.QueryAsync<string>("select string_agg(magic_hour_id, ',') from jobs where deleted_at is not null"));
        Assert.Equal("image", await platform.QueryAsync<string>("select resource from jobs where magic_hour_id = 'of another kind'"));
        Assert.All(receiver.Received, webhook => Assert.Contains("\"type\":\"job.canceled\"", System.Text.Encoding.UTF8.GetString(webhook.Body.Span), StringComparison.Ordinal));
        Assert.Equal(3, receiver.Received.Count);
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task A_key_that_is_rejected_changes_no_job_and_polling_resumes_with_the_right_one_without_a_restart()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var settings = Settings(magicHour, receiver);
        var file = Path.Combine(platform.Folder.Path, $"key-{Guid.NewGuid():N}");
        settings["MagicHourApi__Key"] = null;
        settings["MagicHourApi__KeyFile"] = file;
        await File.WriteAllTextAsync(file, "mhk_live_revoked0000000000\n", Cancel);
        await platform.StartWorkerAsync(settings: settings);
        magicHour.Answer("video", "j", ScriptedMagicHour.Completed("j"));
        await platform.Broker.PublishAsync(Register("j", null, null), Cancel);
        await platform.Broker.PublishAsync(Register("k", null, null), Cancel);

        await Waiting.UntilAsync(
            "the key is reported", async () => (await Scrape.ReadAsync(platform.Workers[0], Cancel)).Sum("reconcile_key_rejected") == 1, Cancel);
        await platform.CountAsync(2, "select count(*) from job_checks");
        await platform.CountAsync(2, "select count(*) from jobs where status = 'queued'");
        Assert.InRange(magicHour.Requests.Count, 1, 5);
        await File.WriteAllTextAsync(file, ScriptedMagicHour.Key, Cancel);

        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed'");
        Assert.Equal(0, (await Scrape.ReadAsync(platform.Workers[0], Cancel)).Sum("reconcile_key_rejected"));
        Assert.Contains("rejects the key", string.Concat(platform.Logs), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_is_not_found_is_believed_to_be_deleted_only_after_an_hour()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(settings: Settings(magicHour, receiver));
        await platform.StartIngressAsync();
        // Proves that the key is of the right account.
        magicHour.Answer("video", "other", ScriptedMagicHour.Project("other", "rendering"));
        await platform.SendAsync([NewEvent("video.started", "gone"), NewEvent("video.started", "other")]);

        await platform.CountAsync(1, "select count(*) from jobs where magic_hour_id = 'gone' and status = 'canceled' and deleted_at is not null");

        var asked = magicHour.Requests.Where(request => request.Request.EndsWith("/gone", StringComparison.Ordinal)).ToArray();
        var deletedAt = await platform.QueryAsync<DateTime>("select deleted_at from jobs where magic_hour_id = 'gone'");
        Assert.True(asked.Length >= 5);
        Assert.True(deletedAt - asked[0].At.UtcDateTime >= TimeSpan.FromSeconds(3.6));
        Assert.All(asked, request => Assert.Equal("GET /v1/video-projects/gone", request.Request));
    }

    [Fact]
    public async Task A_job_without_an_end_is_given_up_and_shows_that()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var settings = Settings(magicHour, receiver);
        settings["Reconcile__TimeScale"] = "0.0001";
        await platform.StartWorkerAsync(settings: settings);
        magicHour.Answer("video", "j", ScriptedMagicHour.Project("j", "paused"));
        await platform.Broker.PublishAsync(Register("j", null, null), Cancel);

        await platform.CountAsync(1, "select count(*) from job_checks where state = 'given_up'");

        using var http = new HttpClient { BaseAddress = platform.Workers[0] };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        var check = (await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel)).GetProperty("check");
        Assert.Equal(("given_up", "unknown_status"), (check.GetProperty("state").GetString(), check.GetProperty("lastAnswer").GetString()));
        Assert.Equal(JsonValueKind.Null, check.GetProperty("nextCheckAt").ValueKind);
        Assert.Equal("queued", await platform.QueryAsync<string>("select status from jobs"));
    }

    [Fact]
    public async Task A_job_that_failed_by_webhook_and_completed_at_Magic_Hour_is_corrected()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(settings: Settings(magicHour, receiver));
        await platform.StartIngressAsync();
        var notified = new TaskCompletionSource();
        magicHour.Answers["video/j"] = async http =>
        {
            await notified.Task.WaitAsync(http.RequestAborted);
            await ScriptedMagicHour.WriteAsync(http, 200, ScriptedMagicHour.Completed("j"));
        };
        await platform.SendAsync([NewEvent("video.errored", "j")]);
        await platform.Broker.PublishAsync(Register("j", null, receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from notifications where status = 'delivered' and outcome = 'failed'");
        notified.SetResult();

        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed' and failed_at is not null");
        await platform.CountAsync(2, "select count(*) from notifications where status = 'delivered'");
        Assert.Equal("reconcile", await platform.QueryAsync<string>("select origin from webhook_events where event_type = 'video.completed'"));
        var bodies = receiver.Received.Select(webhook => JsonDocument.Parse(webhook.Body).RootElement).ToArray();
        Assert.Equal(["job.failed", "job.completed"], bodies.Select(body => body.GetProperty("type").GetString()));
        Assert.True(bodies[1].GetProperty("data").GetProperty("correctsFailure").GetBoolean());
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task Fresh_downloads_are_returned_and_stored_and_the_owner_is_not_notified_again()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var settings = Settings(magicHour, receiver);
        await platform.StartWorkerAsync(settings: settings, roles: "consume");
        await platform.StartWorkerAsync(settings: settings, roles: "reconcile");
        await platform.StartWorkerAsync(settings: settings, roles: "notify");
        await platform.StartWorkerAsync(settings: settings, roles: "api");
        await platform.StartIngressAsync();
        magicHour.Answer("video", "j", ScriptedMagicHour.Completed("j"));
        await Waiting.UntilAsync("a replica reconciles", () => IsActiveAsync(platform.Workers[1]), Cancel);
        // Its end comes first: a job that is only registered would be looked up as well.
        await platform.SendAsync(["""{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"https://videos.magichour.ai/j/output.mp4?sig=1","expires_at":"2026-01-01T00:00:00.000Z"}]}}"""u8.ToArray()]);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed'");
        await platform.Broker.PublishAsync(Register("j", null, receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from notifications where status = 'delivered'");

        using var http = new HttpClient { BaseAddress = platform.Workers[3] };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        using var answer = await http.PostAsync(new Uri("/jobs/j/downloads", UriKind.Relative), content: null, Cancel);
        var shown = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);

        var download = Assert.Single(shown.GetProperty("downloads").EnumerateArray());
        Assert.Equal(
            ("https://videos.magichour.ai/j/output.mp4?sig=2", "2027-11-30T12:00:00.000Z"),
            (download.GetProperty("url").GetString(), download.GetProperty("expiresAt").GetString()));
        await platform.CountAsync(1, "select count(*) from jobs where download_url like '%sig=2' and download_expires_at > '2027-01-01'");
        // The notification and the request share one question.
        Assert.Single(magicHour.Requests);
        Assert.Equal("live 1", await platform.QueryAsync<string>("select origin || ' ' || cardinality(variants) from webhook_events where job_id = 'j'"));
        Assert.Contains("output.mp4?sig=2", System.Text.Encoding.UTF8.GetString(receiver.Received.Single().Body.Span), StringComparison.Ordinal);
        await AssertNotifiedOnceAsync(platform, magicHour, receiver, "job.completed");
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task Two_replicas_have_one_effect_and_one_budget_and_one_takes_over_from_the_other()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await platform.StartWorkerAsync(roles: "consume");
        var settings = Settings(magicHour, receiver);
        var first = await platform.StartWorkerAsync(settings: settings, roles: "reconcile");
        var second = await platform.StartWorkerAsync(settings: settings, roles: "reconcile");
        var jobs = Enumerable.Range(0, 40).Select(i => $"job-{i}").ToArray();
        foreach (var job in jobs)
        {
            magicHour.Answer("video", job, ScriptedMagicHour.Completed(job));
            await platform.Broker.PublishAsync(Register(job, null, null), Cancel);
        }

        await platform.CountAsync(20, "select least(count(*), 20) from jobs where status = 'completed'");
        var (active, standby) = await IsActiveAsync(platform.Workers[1]) ? (first, platform.Workers[2]) : (second, platform.Workers[1]);
        Assert.False(await IsActiveAsync(standby));
        await active.KillAsync(Cancel);
        var killedAt = TimeProvider.System.GetTimestamp();
        await Waiting.UntilAsync("the other takes over", () => IsActiveAsync(standby), Cancel);

        Assert.InRange(TimeProvider.System.GetElapsedTime(killedAt), TimeSpan.Zero, TimeSpan.FromSeconds(30));
        await platform.CountAsync(jobs.Length, "select count(*) from jobs where status = 'completed'");
        await platform.CountAsync(jobs.Length, "select count(*) from webhook_events where event_type = 'video.completed'");
        var times = magicHour.Requests.Select(request => request.At).Order().ToArray();
        Assert.All(times.Zip(times.Skip(5)), pair => Assert.True(pair.Second - pair.First >= TimeSpan.FromSeconds(1), $"{pair.First:O} {pair.Second:O}"));
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task An_answer_whose_reconciler_crashes_before_it_is_published_is_found_again_and_has_one_effect()
    {
        await using var platform = await CreateAsync(servers);
        await using var magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var settings = Settings(magicHour, receiver);
        await platform.StartWorkerAsync(settings: settings, roles: "consume,notify");
        await platform.Broker.PublishAsync(Register("j", null, receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from jobs");
        // Whatever is published is returned.
        await platform.Broker.UnbindAsync("webhook-received", Cancel);
        magicHour.Answer("video", "j", ScriptedMagicHour.Completed("j"));
        var killed = await platform.StartWorkerAsync(settings: settings, roles: "reconcile");
        await Waiting.UntilAsync("the API has answered", () => Task.FromResult(!magicHour.Requests.IsEmpty), Cancel);
        await killed.KillAsync(Cancel);
        await platform.CountAsync(0, "select -count(*) from webhook_events");
        await platform.Broker.BindAsync("webhook-received", Cancel);

        await platform.StartWorkerAsync(settings: settings, roles: "reconcile");

        await platform.CountAsync(1, "select count(*) from notifications where status = 'delivered'");
        await platform.CountAsync(1, "select count(*) from webhook_events where event_type = 'video.completed' and variants = '{}'");
        await AssertNotifiedOnceAsync(platform, magicHour, receiver, "job.completed");
    }

    private static async Task<bool> IsActiveAsync(Uri worker) => (await Scrape.ReadAsync(worker, Cancel)).Sum("reconcile_active") == 1;

    /// <summary>After a notification for another job, which would be sent later.</summary>
    private static async Task AssertNotifiedOnceAsync(TestPlatform platform, ScriptedMagicHour magicHour, WebhookReceiver receiver, string type)
    {
        // On a busy machine it is asked about that one too, and a job that it does not know would be closed.
        magicHour.Answer("video", "sentinel", ScriptedMagicHour.Project("sentinel", "rendering"));
        await platform.Broker.PublishAsync(Register("sentinel", null, receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from job_registrations where job_id = 'sentinel'");
        if (platform.Ingresses.Count == 0)
        {
            await platform.StartIngressAsync();
        }

        await platform.SendAsync([NewEvent("video.completed", "sentinel")]);
        await platform.CountAsync(2, "select count(*) from notifications where status = 'delivered'");
        var bodies = receiver.Received.Select(webhook => JsonDocument.Parse(webhook.Body).RootElement).ToArray();
        Assert.Equal(["j", "sentinel"], bodies.Select(body => body.GetProperty("data").GetProperty("jobId").GetString()).Order());
        Assert.All(bodies, body => Assert.Equal(type, body.GetProperty("type").GetString()));
    }

    private static Dictionary<string, string?> Settings(ScriptedMagicHour magicHour, WebhookReceiver receiver) => new()
    {
        ["MagicHourApi__BaseUrl"] = magicHour.Url,
        ["MagicHourApi__Key"] = ScriptedMagicHour.Key,
        ["Reconcile__FirstAfter"] = "00:00:01",
        ["Reconcile__TimeScale"] = "0.001",
        ["OutgoingWebhooks__Secrets__0"] = Secret,
        ["OutgoingWebhooks__AllowedTargets__0"] = receiver.Target,
        ["Operations__ApiKeys__0"] = Key,
        ["Notifications__PollInterval"] = "00:00:00.200",
    };
}
