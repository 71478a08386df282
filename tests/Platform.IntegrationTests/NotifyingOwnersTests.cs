using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>From the registration and the webhook to a mail server and a receiver, all of them real.</summary>
public sealed class NotifyingOwnersTests(ServersFixture servers)
{
    private const string Key = "the key of an operator, for tests";
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string NextSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private const string Password = "a mail password";

    [Fact]
    public async Task The_owner_of_a_completed_job_gets_one_mail_and_one_signed_webhook()
    {
        await using var platform = await CreateAsync(servers);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var mail = await StartMailAsync(platform, "StartTls", Password);
        await platform.StartWorkerAsync(settings: Settings(mail, receiver, "StartTls"));
        await platform.StartIngressAsync();
        var job = MagicHourJob.Typical("video", "clx123", TimeProvider.System.GetUtcNow()) with { Name = "Holiday <1>\r\nBcc: b" };

        await platform.Broker.PublishAsync(Register(job.Id, "ada@example.com", receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'queued' and user_id = 'ada'");
        await platform.SendAsync([MagicHourEvent.Create("video.started", job).Body, MagicHourEvent.Create("video.completed", job).Body]);

        await platform.CountAsync(2, "select count(*) from notifications where status = 'delivered' and attempts = 1");
        var arrived = Assert.Single(mail.Mails);
        Assert.StartsWith($"X-To: ada@example.com\r\nX-User: {SmtpServer.User}\r\n", arrived, StringComparison.Ordinal);
        Assert.DoesNotContain("\r\nBcc:", arrived, StringComparison.Ordinal);
        Assert.Contains("Subject: Your video \"Holiday <1>  Bcc: b\" is ready\r\n", arrived, StringComparison.Ordinal);
        Assert.Contains("Holiday &lt;1&gt;", arrived, StringComparison.Ordinal);
        Assert.Contains("https://videos.magichour.ai/clx123/output.mp4", arrived, StringComparison.Ordinal);
        var webhook = Assert.Single(receiver.Received);
        AssertSigned(webhook, receiver);
        using var body = JsonDocument.Parse(webhook.Body);
        Assert.Equal("job.completed", body.RootElement.GetProperty("type").GetString());
        Assert.Equal(job.Name, body.RootElement.GetProperty("data").GetProperty("name").GetString());
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task A_mail_server_with_an_untrusted_certificate_gets_nothing()
    {
        await using var platform = await CreateAsync(servers);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var mail = await StartMailAsync(platform, "Tls", Password);
        var settings = Settings(mail, receiver, "Tls");
        settings["SSL_CERT_FILE"] = null;
        await platform.StartWorkerAsync(settings: settings);
        await platform.StartIngressAsync();

        await platform.Broker.PublishAsync(Register("j", "ada@example.com", null), Cancel);
        await platform.SendAsync([NewEvent("video.completed", "j")]);

        await platform.CountAsync(1, "select count(*) from notifications where status = 'pending' and last_error = 'SMTP: SslHandshakeException'");
        Assert.Empty(mail.Mails);
    }

    [Fact]
    public async Task Fifty_deliveries_over_workers_that_crash_before_and_after_sending_are_one_notification()
    {
        await using var platform = await CreateAsync(servers);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var mail = await StartMailAsync(platform, "None");
        var hasSlept = Settings(mail, receiver, "None");
        hasSlept["Notifications__PollInterval"] = "00:01:00";
        var before = await platform.StartWorkerAsync(settings: hasSlept);
        await platform.StartWorkerAsync(settings: hasSlept);
        await platform.StartIngressAsync();
        await platform.Broker.PublishAsync(Register("j", "ada@example.com", receiver.Url), Cancel);
        await platform.CountAsync(1, "select count(*) from job_registrations");

        // Decided and committed, then the worker that might send it dies.
        await platform.SendAsync([.. Enumerable.Repeat(NewEvent("video.completed", "j"), 50)]);
        await platform.CountAsync(2, "select count(*) from notifications");
        await before.KillAsync(Cancel);

        // Sent but not recorded: the next worker dies with the answer unprocessed.
        receiver.Answer = http => Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted);
        var after = await platform.StartWorkerAsync(settings: Settings(mail, receiver, "None"));
        await Waiting.UntilAsync("the webhook is on its way", () => Task.FromResult(!receiver.Received.IsEmpty), Cancel);
        await after.KillAsync(Cancel);
        receiver.AnswerWith(200);
        await platform.StartWorkerAsync(settings: Settings(mail, receiver, "None"));

        await platform.CountAsync(2, "select count(*) from notifications where status = 'delivered'");
        Assert.Single(receiver.Received.Select(webhook => webhook.Id).Distinct());
        Assert.All(receiver.Received, webhook => AssertSigned(webhook, receiver));
        Assert.True(receiver.Received.Count > 1);
        Assert.Single(mail.Mails.Select(MessageId).Distinct());
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task An_owner_who_registers_late_is_notified_then_and_only_once()
    {
        await using var platform = await CreateAsync(servers);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var mail = await StartMailAsync(platform, "None");
        var port = Machine.FreePort();
        await platform.StartWorkerAsync(settings: Settings(mail, receiver, "None"), port: port);
        await platform.StartIngressAsync();
        await platform.SendAsync([NewEvent("video.completed", "j")]);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed'");

        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        using var registered = await http.PutAsJsonAsync(
            "/jobs/j", new { resource = "video", userId = "ada", email = "ada@example.com", webhookUrl = receiver.Url }, Cancel);
        Assert.True(registered.IsSuccessStatusCode, $"{registered}");
        await platform.CountAsync(2, "select count(*) from notifications where status = 'delivered'");
        await platform.SendAsync([NewEvent("video.started", "j"), NewEvent("video.errored", "j")]);
        using var again = await http.PutAsJsonAsync(
            "/jobs/j", new { resource = "video", userId = "ada", email = "ada@example.com", webhookUrl = receiver.Url }, Cancel);
        Assert.True(again.IsSuccessStatusCode, $"{again}");
        // Notifications for these events would be sent before the sentinel's.
        await platform.CountAsync(3, "select count(*) from webhook_events");
        await platform.Broker.PublishAsync(Register("sentinel", "ada@example.com", receiver.Url), Cancel);
        await platform.SendAsync([NewEvent("video.completed", "sentinel")]);
        await platform.CountAsync(4, "select count(*) from notifications where status = 'delivered'");

        Assert.Equal((2, 2), (mail.Mails.Count, receiver.Received.Count));
        var shown = await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel);
        Assert.Equal(3, shown.GetProperty("events").GetArrayLength());
        Assert.All(shown.GetProperty("notifications").EnumerateArray(), one => Assert.Equal("delivered", one.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task Hostile_targets_and_an_unreachable_mail_server_stop_nothing_and_are_not_logged()
    {
        string[] targets = ["http://169.254.169.254/whisper", "http://localhost/whisper", "http://[::ffff:127.0.0.1]/whisper", "http://127.0.0.1:1/whisper"];
        await using var platform = await CreateAsync(servers);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var mail = await StartMailAsync(platform, "None");
        await mail.Process.KillAsync(Cancel);
        var worker = await platform.StartWorkerAsync(settings: Settings(mail, receiver, "None"));
        await platform.StartIngressAsync();
        var jobs = Enumerable.Range(0, 200).Select(i => $"job-{i}").ToArray();
        foreach (var (index, job) in jobs.Index())
        {
            await platform.Broker.PublishAsync(Register(job, "whisper@example.com", targets[index % targets.Length]), Cancel);
        }

        Assert.Equal(
            new Dictionary<int, int> { [200] = 400 },
            await platform.SendAsync([.. jobs.Select(job => NewEvent("video.started", job)), .. jobs.Select(job => NewEvent("video.completed", job))]));

        await platform.CountAsync(200, "select count(*) from jobs where status = 'completed' and user_id = 'ada'");
        await platform.AssertDrainedAsync();
        await platform.CountAsync(200, "select count(*) from notifications where channel = 'webhook' and status = 'parked' and last_error = 'The target is not allowed.'");
        await platform.CountAsync(200, "select count(*) from notifications where channel = 'email' and status = 'pending' and last_error = 'SMTP: SocketException'");
        await worker.StopAsync(Cancel);
        var log = await File.ReadAllTextAsync(worker.Daemon.LogFile, Cancel);
        Assert.Contains("The target is not allowed.", log, StringComparison.Ordinal);
        Assert.DoesNotContain("whisper", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_that_breaks_the_rules_is_parked_alone_and_says_why()
    {
        await using var platform = await CreateAsync(servers);
        await platform.StartWorkerAsync();

        await platform.Broker.PublishAsync(Register("j", "ada@example.com\r\nBcc: whisper@example.com", null), Cancel);
        await platform.Broker.PublishAsync(Register("good", "ada@example.com", null), Cancel);

        await platform.CountAsync(1, "select count(*) from jobs where magic_hour_id = 'good'");
        await Waiting.UntilAsync("one is parked", async () => await platform.Broker.CountAsync(Topology.RegisterJobErrorQueue, Cancel) == 1, Cancel);
        var parked = await platform.Broker.TakeAsync(Topology.RegisterJobErrorQueue, Cancel);
        var reason = Encoding.UTF8.GetString((byte[])parked.BasicProperties.Headers!["MT-Fault-Message"]!);
        Assert.Equal("email must be one address of at most 254 characters.", reason);
    }

    [Fact]
    public async Task Registrations_wait_out_the_database_and_the_events_do_not_wait_for_them()
    {
        await using var platform = await CreateAsync(servers);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        // Fails inserts into the one table that only registrations write.
        await platform.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$ begin raise sqlstate '53100'; end $$;
            create trigger refuse before insert on job_registrations for each row execute function refuse();
            """);

        await platform.Broker.PublishAsync(Register("j", "ada@example.com", null), Cancel);
        await Waiting.UntilAsync("no consumer of registrations", async () => await platform.Broker.CountConsumersAsync(Topology.RegisterJobQueue, Cancel) == 0, Cancel);
        await platform.SendAsync([NewEvent("video.completed", "j")]);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed' and user_id is null");
        await platform.ExecuteAsync("drop trigger refuse on job_registrations");

        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed' and user_id = 'ada'");
        await platform.CountAsync(1, "select count(*) from notifications");
        Assert.Equal(0u, await platform.Broker.CountAsync(Topology.RegisterJobErrorQueue, Cancel));
    }

    private static Task<SmtpInstance> StartMailAsync(TestPlatform platform, string security, string password = "") => SmtpServer.StartAsync(
        Path.Combine(platform.Folder.Path, $"mail-{Guid.NewGuid():N}"), platform.Folder.Daemons, Cancel, security, password);

    private static Dictionary<string, string?> Settings(SmtpInstance mail, WebhookReceiver receiver, string security)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Email__Host"] = "localhost",
            ["Email__Port"] = $"{mail.Port}",
            ["Email__Security"] = security,
            ["Email__From"] = "Studio <studio@example.com>",
            ["OutgoingWebhooks__Secrets__0"] = Secret,
            ["OutgoingWebhooks__Secrets__1"] = NextSecret,
            ["OutgoingWebhooks__AllowedTargets__0"] = receiver.Target,
            ["Operations__ApiKeys__0"] = Key,
            ["Notifications__PollInterval"] = "00:00:00.200",
        };
        if (security != "None")
        {
            settings["Email__User"] = SmtpServer.User;
            settings["Email__Password"] = Password;
            settings["SSL_CERT_FILE"] = mail.Certificate;
        }

        return settings;
    }

    private static string MessageId(string mail) => mail.Split("\r\n").Single(line => line.StartsWith("Message-Id:", StringComparison.OrdinalIgnoreCase));

    /// <summary>The receiver verifies it with its own key derived from either secret; neither secret itself verifies it.</summary>
    private static void AssertSigned(ReceivedWebhook webhook, WebhookReceiver receiver)
    {
        Assert.All([Secret, NextSecret], secret => Assert.True(webhook.IsSignedFor(receiver.Url, secret)));
        Assert.Equal(2, webhook.Signature.Split(' ').Length);
        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(long.Parse(webhook.Timestamp, null)), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddSeconds(1));
    }
}
