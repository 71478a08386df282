using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Tests;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Each fault is caused for real, fires its alert, and stops firing once fixed.</summary>
public sealed class FiringAlertsTests(MonitoredPlatform monitored) : IClassFixture<MonitoredPlatform>
{
    private static readonly TimeSpan Patience = MonitoredPlatform.Hasten(TimeSpan.FromMinutes(45));

    [Fact]
    public Task A_stopped_broker_raises_an_alert() => AssertFiresAsync(
        ["BrokerAway", "IngestBudgetBurnsFast"],
        broker => broker.Process.StopAsync(Cancel),
        broker => broker.Process.StartAsync(Cancel));

    [Fact]
    public Task A_blocked_broker_raises_an_alert() => AssertFiresAsync(
        ["BrokerBlocked"],
        broker => broker.ControlAsync(Cancel, "set_vm_memory_high_watermark", "0"),
        broker => broker.ControlAsync(Cancel, "set_vm_memory_high_watermark", "0.6"));

    [Fact]
    public Task A_queue_that_does_not_confirm_raises_an_alert() => AssertFiresAsync(
        ["PublishTimeouts"],
        // Simulates a queue without its quorum, which would need three brokers.
        broker => broker.ControlAsync(Cancel, "eval", "sys:suspend('%2F_webhook-received')."),
        broker => broker.ControlAsync(Cancel, "eval", "sys:resume('%2F_webhook-received')."));

    [Fact]
    public Task A_missing_queue_raises_an_alert() => AssertFiresAsync(
        ["QueueMissing"],
        async broker =>
        {
            await monitored.Worker.StopAsync(Cancel);
            await broker.ControlAsync(Cancel, "delete_queue", "webhook-received");
        },
        async _ =>
        {
            await monitored.Platform.MigrateAsync();
            await monitored.Worker.StartAsync(Cancel);
        });

    [Fact]
    public Task A_missing_exchange_without_publishes_raises_an_alert() => AssertFiresAsync(
        ["RouteMissing"],
        _ => monitored.Platform.Broker.DeleteExchangeAsync("Platform.Contracts:RegisterJob", Cancel),
        _ => monitored.Platform.MigrateAsync());

    [Fact]
    public Task A_stopped_ingress_raises_an_alert() => AssertFiresAsync(
        ["IngressDown", "TargetDown"], _ => monitored.Ingress.StopAsync(Cancel), _ => monitored.Ingress.StartAsync(Cancel), hasTraffic: false);

    [Fact]
    public Task A_stopped_worker_with_a_backlog_raises_an_alert() => AssertFiresAsync(
        ["NoConsumers", "WorkerDown"], _ => monitored.Worker.StopAsync(Cancel), _ => monitored.Worker.StartAsync(Cancel));

    [Fact]
    public Task A_database_without_its_schema_raises_an_alert() => AssertFiresAsync(
        ["DatabaseOutage"],
        _ => monitored.Platform.ExecuteAsync("alter table webhook_events rename to away"),
        _ => monitored.Platform.ExecuteAsync("alter table away rename to webhook_events"));

    [Fact]
    public Task A_poison_message_raises_an_alert() => AssertFiresAsync(
        ["EventsParked"],
        async _ =>
        {
            await monitored.Platform.ExecuteAsync(
                """
                create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
                create trigger refuse before insert on webhook_events for each row when (new.job_id = 'poison') execute function refuse();
                """);
            await monitored.Platform.SendAsync([NewEvent("poison")]);
        },
        async _ =>
        {
            await monitored.Platform.ExecuteAsync("drop function refuse() cascade");
            await monitored.Platform.ReleaseAsync("--error");
        });

    [Fact]
    public Task A_signed_body_that_is_no_event_raises_an_alert() => AssertFiresAsync(
        ["EventsQuarantined"],
        _ => monitored.Platform.SendAsync([Encoding.UTF8.GetBytes("[1, 2]")]),
        _ => monitored.Platform.ExecuteAsync("delete from quarantined_events"));

    [Fact]
    public Task A_good_signature_that_is_too_old_raises_an_alert() => AssertFiresAsync(
        ["StaleSignatures"],
        async _ => (await monitored.Platform.Ingresses[0].SendAsync(NewEvent(), TimeProvider.System.GetUtcNow().AddHours(-26), Cancel)).Dispose(),
        _ => Task.CompletedTask);

    [Fact]
    public Task Domain_events_without_an_exchange_raise_an_alert() => AssertFiresAsync(
        ["OutboxStuck"],
        broker => broker.ControlAsync(
            Cancel, "eval", """rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"Platform.Contracts:JobCompleted">>), false, <<"test">>)."""),
        _ => monitored.Platform.MigrateAsync());

    [Fact]
    public Task An_unusable_registration_raises_an_alert() => AssertFiresAsync(
        ["RegistrationsParked"],
        _ => monitored.Platform.Broker.PublishAsync(Register("j", "no address", webhookUrl: null), Cancel),
        broker => broker.ControlAsync(Cancel, "purge_queue", "register-job_error"));

    [Fact]
    public Task Notifications_that_no_worker_sends_raise_an_alert() => AssertFiresAsync(
        ["NotificationsWaiting"],
        async _ =>
        {
            // 16 are attempted at a time, for 20 s each: some are due for as long as this test waits.
            monitored.MailServer.Halt();
            await EndJobsAsync(200, "ada@example.com");
        },
        _ =>
        {
            monitored.MailServer.Continue();
            return TryAllAgainAsync();
        });

    [Fact]
    public Task An_unreachable_mail_server_raises_an_alert() => AssertFiresAsync(
        ["NotificationsFailing"],
        async _ =>
        {
            // One delivered notification silences the alert for half an hour, during which the attempts become rarer.
            await Waiting.UntilAsync("no mail for half an hour", async () => await CountMailsAsync() == 0, Cancel, Patience);
            await monitored.MailServer.StopAsync(Cancel);
            await EndJobsAsync(20, "ada@example.com");
        },
        async _ =>
        {
            await monitored.MailServer.StartAsync(Cancel);
            await TryAllAgainAsync();
        });

    [Fact]
    public Task A_parked_notification_raises_an_alert() => AssertFiresAsync(
        ["NotificationsParked"],
        _ => EndJobsAsync(1, "unknown@example.com"),
        _ => monitored.Platform.ExecuteAsync("update notifications set status = 'superseded' where status = 'parked'"));

    [Fact]
    public Task A_rejected_key_of_Magic_Hours_API_raises_an_alert() => AssertFiresAsync(
        ["MagicHourRejectsKey"],
        async _ =>
        {
            monitored.MagicHour.AcceptedKey = "another";
            await CheckNowAsync("unasked", since: "now()");
        },
        _ =>
        {
            monitored.MagicHour.AcceptedKey = ScriptedMagicHour.Key;
            return Task.CompletedTask;
        });

    [Fact]
    public Task A_job_without_an_end_raises_an_alert() => AssertFiresAsync(
        ["JobsUnaccountedFor"],
        _ => CheckNowAsync("endless", since: "now() - interval '49 hours'"),
        _ => monitored.Platform.ExecuteAsync("delete from job_checks where job_id = 'endless'; update jobs set status = 'failed' where magic_hour_id = 'endless'"));

    /// <summary>A running job whose check is due.</summary>
    private async Task CheckNowAsync(string job, string since)
    {
        monitored.MagicHour.Answer("video", job, ScriptedMagicHour.Project(job, "rendering"));
        await monitored.Platform.SendAsync([NewEvent("video.started", job)]);
        await monitored.Platform.CountAsync(1, $"select count(*) from job_checks where job_id = '{job}'");
        await monitored.Platform.ExecuteAsync($"update job_checks set next_check_at = now(), since = {since} where job_id = '{job}'");
    }

    /// <summary>Ends jobs whose owners are to be notified by mail, and by webhook, which is disabled.</summary>
    private async Task EndJobsAsync(int count, string email)
    {
        string[] jobs = [.. Enumerable.Range(0, count).Select(_ => $"{Guid.NewGuid():N}")];
        await Task.WhenAll(jobs.Select(job => monitored.Platform.Broker.PublishAsync(Register(job, email, "https://hooks.example.com/"), Cancel)));
        await monitored.Platform.SendAsync([.. jobs.Select(NewEvent)]);
    }

    private Task<double> CountMailsAsync() => monitored.Prometheus.QueryNumberAsync(
        $$"""
        sum(increase(notification_attempts_total{channel="email",status="delivered"}[{{(int)MonitoredPlatform.Hasten(TimeSpan.FromMinutes(30)).TotalMilliseconds}}ms]))
        """,
        Cancel);

    private Task TryAllAgainAsync() =>
        monitored.Platform.ExecuteAsync("update notifications set next_attempt_at = now() where status = 'pending' and channel = 'email'");

    /// <param name="hasTraffic">An event arrives before each check of the alerts.</param>
    private async Task AssertFiresAsync(
        string[] alerts, Func<RabbitMqInstance, Task> fault, Func<RabbitMqInstance, Task> fix, bool hasTraffic = true)
    {
        await monitored.StartAsync();
        var broker = monitored.Platform.OwnBroker;
        await UntilConsumingAsync();
        await UntilSilentAsync(alerts);

        await fault(broker);
        var summaries = new Dictionary<string, string>();
        try
        {
            await Waiting.UntilAsync(string.Join(" and ", alerts.Select(alert => $"{alert} fires")), async () =>
            {
                await (hasTraffic ? monitored.Platform.SendAsync([NewEvent()]) : Task.CompletedTask);
                foreach (var alert in await monitored.Prometheus.ListFiringAsync(Cancel))
                {
                    // Notifications by webhook are due from the first job on, and that channel is disabled.
                    Assert.DoesNotContain("by webhook", alert.Summary, StringComparison.Ordinal);
                    summaries.TryAdd(alert.Name, alert.Summary);
                }

                return alerts.All(summaries.ContainsKey);
            }, Cancel, Patience);
        }
        finally
        {
            // Other tests use the same servers.
            await fix(broker);
        }

        Assert.All(alerts, alert => Assert.DoesNotContain("error", summaries[alert], StringComparison.OrdinalIgnoreCase));
        await UntilSilentAsync(alerts.Except(["IngestBudgetBurnsFast"]));
    }

    // A worker that reconnects after the previous test declares its exchanges again, and would undo a fault.
    private Task UntilConsumingAsync() => Waiting.UntilAsync(
        "the worker consumes",
        async () => await monitored.Platform.Broker.CountConsumersAsync(Topology.WebhookReceivedQueue, Cancel) > 0
            && await monitored.Platform.Broker.CountConsumersAsync(Topology.RegisterJobQueue, Cancel) > 0,
        Cancel,
        Patience);

    // Only the alerts that the fault made fire must stop firing.
    private Task UntilSilentAsync(IEnumerable<string> alerts) => Waiting.UntilAsync(
        $"silence of {string.Join(", ", alerts)}",
        async () => !(await monitored.Prometheus.ListFiringAsync(Cancel)).Any(firing => alerts.Contains(firing.Name)),
        Cancel,
        Patience);
}
