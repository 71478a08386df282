using System.Text;
using Platform.DevStack;
using Platform.Tests;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Faults of the database, of notifications and of Magic Hour's API, and messages that are parked.</summary>
public sealed class FiringProcessingAlertsTests(MonitoredPlatform monitored) : FiringAlerts(monitored)
{
    [Fact]
    public Task A_database_without_its_schema_raises_an_alert() => AssertFiresAsync(
        ["DatabaseOutage"],
        _ => Monitored.Platform.ExecuteAsync("alter table webhook_events rename to away"),
        _ => Monitored.Platform.ExecuteAsync("alter table away rename to webhook_events"));

    [Fact]
    public Task A_poison_message_raises_an_alert() => AssertFiresAsync(
        ["EventsParked"],
        async _ =>
        {
            await Monitored.Platform.ExecuteAsync(
                """
                create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
                create trigger refuse before insert on webhook_events for each row when (new.job_id = 'poison') execute function refuse();
                """);
            await Monitored.Platform.SendAsync([NewEvent("poison")]);
        },
        async _ =>
        {
            await Monitored.Platform.ExecuteAsync("drop function refuse() cascade");
            await Monitored.Platform.ReleaseAsync("--error");
        });

    [Fact]
    public Task A_signed_body_that_is_no_event_raises_an_alert() => AssertFiresAsync(
        ["EventsQuarantined"],
        _ => Monitored.Platform.SendAsync([Encoding.UTF8.GetBytes("[1, 2]")]),
        _ => Monitored.Platform.ExecuteAsync("delete from quarantined_events"));

    [Fact]
    public Task An_unusable_registration_raises_an_alert() => AssertFiresAsync(
        ["RegistrationsParked"],
        _ => Monitored.Platform.Broker.PublishAsync(Register("j", "no address", webhookUrl: null), Cancel),
        broker => broker.ControlAsync(Cancel, "purge_queue", "register-job_error"));

    [Fact]
    public Task Notifications_that_no_worker_sends_raise_an_alert() => AssertFiresAsync(
        ["NotificationsWaiting"],
        async _ =>
        {
            // 16 are attempted at a time, for 20 s each: some are due for as long as this test waits.
            Monitored.MailServer.Halt();
            await EndJobsAsync(200, "ada@example.com");
        },
        _ =>
        {
            Monitored.MailServer.Continue();
            return TryAllAgainAsync();
        });

    [Fact]
    public Task An_unreachable_mail_server_raises_an_alert() => AssertFiresAsync(
        ["NotificationsFailing"],
        async _ =>
        {
            // One delivered notification silences the alert for half an hour, during which the attempts become rarer.
            await Waiting.UntilAsync("no mail for half an hour", async () => await CountMailsAsync() == 0, Cancel, Patience);
            await Monitored.MailServer.StopAsync(Cancel);
            await EndJobsAsync(20, "ada@example.com");
        },
        async _ =>
        {
            await Monitored.MailServer.StartAsync(Cancel);
            await TryAllAgainAsync();
        });

    [Fact]
    public Task A_parked_notification_raises_an_alert() => AssertFiresAsync(
        ["NotificationsParked"],
        _ => EndJobsAsync(1, "unknown@example.com"),
        _ => Monitored.Platform.ExecuteAsync("update notifications set status = 'superseded' where status = 'parked'"));

    [Fact]
    public Task A_rejected_key_of_Magic_Hours_API_raises_an_alert() => AssertFiresAsync(
        ["MagicHourRejectsKey"],
        async _ =>
        {
            Monitored.MagicHour.AcceptedKey = "another";
            await CheckNowAsync("unasked", since: "now()");
        },
        _ =>
        {
            Monitored.MagicHour.AcceptedKey = ScriptedMagicHour.Key;
            return Task.CompletedTask;
        });

    [Fact]
    public Task A_job_without_an_end_raises_an_alert() => AssertFiresAsync(
        ["JobsUnaccountedFor"],
        _ => CheckNowAsync("endless", since: "now() - interval '49 hours'"),
        _ => Monitored.Platform.ExecuteAsync("delete from job_checks where job_id = 'endless'; update jobs set status = 'failed' where magic_hour_id = 'endless'"));

    /// <summary>A running job whose check is due.</summary>
    private async Task CheckNowAsync(string job, string since)
    {
        Monitored.MagicHour.Answer("video", job, ScriptedMagicHour.Project(job, "rendering"));
        await Monitored.Platform.SendAsync([NewEvent("video.started", job)]);
        await Monitored.Platform.CountAsync(1, $"select count(*) from job_checks where job_id = '{job}'");
        await Monitored.Platform.ExecuteAsync($"update job_checks set next_check_at = now(), since = {since} where job_id = '{job}'");
    }

    /// <summary>Ends jobs whose owners are to be notified by mail, and by webhook, which is disabled.</summary>
    private async Task EndJobsAsync(int count, string email)
    {
        string[] jobs = [.. Enumerable.Range(0, count).Select(_ => $"{Guid.NewGuid():N}")];
        await Task.WhenAll(jobs.Select(job => Monitored.Platform.Broker.PublishAsync(Register(job, email, "https://hooks.example.com/"), Cancel)));
        await Monitored.Platform.SendAsync([.. jobs.Select(NewEvent)]);
    }

    private Task<double> CountMailsAsync() => Monitored.Prometheus.QueryNumberAsync(
        $$"""
        sum(increase(notification_attempts_total{channel="email",status="delivered"}[{{(int)MonitoredPlatform.Hasten(TimeSpan.FromMinutes(30)).TotalMilliseconds}}ms]))
        """,
        Cancel);

    private Task TryAllAgainAsync() =>
        Monitored.Platform.ExecuteAsync("update notifications set next_attempt_at = now() where status = 'pending' and channel = 'email'");
}
