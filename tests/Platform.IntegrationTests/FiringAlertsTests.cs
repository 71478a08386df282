using System.Text;
using Platform.LocalStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Each fault is made for real, is told of, and is over when it is mended.</summary>
[Collection(OwnBrokers.Name)]
public sealed class FiringAlertsTests(MonitoredPlatform monitored) : IClassFixture<MonitoredPlatform>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public Task A_stopped_broker_is_told_of() => AssertFiresAsync(
        ["BrokerAway", "IngestBudgetBurnsFast"],
        broker => broker.Process.StopAsync(Cancel),
        broker => broker.Process.StartAsync(Cancel));

    [Fact]
    public Task A_blocked_broker_is_told_of() => AssertFiresAsync(
        ["BrokerBlocked"],
        broker => broker.ControlAsync(Cancel, "set_vm_memory_high_watermark", "0"),
        broker => broker.ControlAsync(Cancel, "set_vm_memory_high_watermark", "0.6"));

    [Fact]
    public Task A_queue_that_takes_messages_and_does_not_confirm_them_is_told_of() => AssertFiresAsync(
        ["PublishTimeouts"],
        // As one without its quorum, which takes three brokers to have.
        broker => broker.ControlAsync(Cancel, "eval", "sys:suspend('%2F_webhook-received')."),
        broker => broker.ControlAsync(Cancel, "eval", "sys:resume('%2F_webhook-received')."));

    [Fact]
    public Task A_queue_that_is_gone_is_told_of() => AssertFiresAsync(
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
    public Task A_stopped_ingress_is_told_of() => AssertFiresAsync(
        ["IngressDown", "TargetDown"], _ => monitored.Ingress.StopAsync(Cancel), _ => monitored.Ingress.StartAsync(Cancel), hasTraffic: false);

    [Fact]
    public Task A_stopped_worker_with_a_backlog_is_told_of() => AssertFiresAsync(
        ["NoConsumers", "WorkerDown"], _ => monitored.Worker.StopAsync(Cancel), _ => monitored.Worker.StartAsync(Cancel));

    [Fact]
    public Task A_database_without_its_schema_is_told_of() => AssertFiresAsync(
        ["DatabaseOutage"],
        _ => monitored.Platform.ExecuteAsync("alter table webhook_events rename to away"),
        _ => monitored.Platform.ExecuteAsync("alter table away rename to webhook_events"));

    [Fact]
    public Task A_poison_message_is_told_of() => AssertFiresAsync(
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
    public Task A_signed_body_that_is_no_event_is_told_of() => AssertFiresAsync(
        ["EventsQuarantined"],
        _ => monitored.Platform.SendAsync([Encoding.UTF8.GetBytes("[1, 2]")]),
        _ => monitored.Platform.ExecuteAsync("delete from quarantined_events"));

    [Fact]
    public Task A_good_signature_that_is_too_old_is_told_of() => AssertFiresAsync(
        ["StaleSignatures"],
        async _ => (await monitored.Platform.Ingresses[0].SendAsync(NewEvent(), TimeProvider.System.GetUtcNow().AddHours(-26), Cancel)).Dispose(),
        _ => Task.CompletedTask);

    [Fact]
    public Task Domain_events_that_find_no_exchange_are_told_of() => AssertFiresAsync(
        ["OutboxStuck"],
        broker => broker.ControlAsync(
            Cancel, "eval", """rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"Platform.Contracts:JobCompleted">>), false, <<"test">>)."""),
        _ => monitored.Platform.MigrateAsync());

    [Fact]
    public Task A_registration_that_cannot_be_used_is_told_of() => AssertFiresAsync(
        ["RegistrationsParked"],
        _ => monitored.Platform.Broker.PublishAsync(Register("j", "no address", webhookUrl: null), Cancel),
        broker => broker.ControlAsync(Cancel, "purge_queue", "register-job_error"));

    [Fact]
    public Task Owners_whom_nobody_tries_to_tell_are_told_of() => AssertFiresAsync(
        ["NotificationsWaiting"],
        async _ =>
        {
            // More than there is room for: some are tried, and wait for an answer, while the others are due.
            monitored.MailServer.Halt();
            await EndJobsAsync(60, "ada@example.com");
        },
        _ =>
        {
            monitored.MailServer.Continue();
            return TryAllAgainAsync();
        });

    [Fact]
    public Task A_mail_server_that_is_away_is_told_of() => AssertFiresAsync(
        ["NotificationsFailing"],
        async _ =>
        {
            // One that has arrived keeps the alert silent for its half hour, in which the attempts become rarer.
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
    public Task An_owner_whom_nobody_can_tell_is_told_of() => AssertFiresAsync(
        ["NotificationsParked"],
        _ => EndJobsAsync(1, "unknown@example.com"),
        _ => monitored.Platform.ExecuteAsync("update notifications set status = 'superseded' where status = 'parked'"));

    /// <summary>Ends jobs of which the owners are to be told by mail, and by webhook, which is off.</summary>
    private async Task EndJobsAsync(int count, string email)
    {
        string[] jobs = [.. Enumerable.Range(0, count).Select(_ => $"{Guid.NewGuid():N}")];
        await Task.WhenAll(jobs.Select(job => monitored.Platform.Broker.PublishAsync(Register(job, email, "https://hooks.example.com/"), Cancel)));
        await monitored.Platform.SendAsync([.. jobs.Select(NewEvent)]);
    }

    private Task<double> CountMailsAsync() => monitored.Prometheus.QueryNumberAsync(
        $$"""
        sum(increase(notification_attempts_total{channel="email",status="delivered"}[{{MonitoredPlatform.Hasten(TimeSpan.FromMinutes(30)).TotalSeconds}}s]))
        """,
        Cancel);

    private Task TryAllAgainAsync() =>
        monitored.Platform.ExecuteAsync("update notifications set next_attempt_at = now() where status = 'pending' and channel = 'email'");

    /// <param name="hasTraffic">An event arrives each time it is looked whether the alerts fire.</param>
    private async Task AssertFiresAsync(
        string[] alerts, Func<RabbitMqInstance, Task> fault, Func<RabbitMqInstance, Task> mend, bool hasTraffic = true)
    {
        await monitored.StartAsync();
        var broker = monitored.Platform.OwnBroker;
        await UntilSilentAsync(alerts);

        await fault(broker);
        var told = new Dictionary<string, string>();
        try
        {
            await Waiting.UntilAsync(string.Join(" and ", alerts.Select(alert => $"{alert} fires")), async () =>
            {
                await (hasTraffic ? monitored.Platform.SendAsync([NewEvent()]) : Task.CompletedTask);
                foreach (var alert in await monitored.Prometheus.ListFiringAsync(Cancel))
                {
                    // Owners are due to be told by it from the first of them on, and it is off.
                    Assert.DoesNotContain("by webhook", alert.Summary, StringComparison.Ordinal);
                    told.TryAdd(alert.Name, alert.Summary);
                }

                return alerts.All(told.ContainsKey);
            }, Cancel, Patience);
        }
        finally
        {
            // The others have the same servers.
            await mend(broker);
        }

        Assert.All(alerts, alert => Assert.DoesNotContain("error", told[alert], StringComparison.OrdinalIgnoreCase));
        await UntilSilentAsync(alerts.Except(["IngestBudgetBurnsFast"]));
    }

    // Only what is told of now can be told of by the fault.
    private Task UntilSilentAsync(IEnumerable<string> alerts) => Waiting.UntilAsync(
        $"silence of {string.Join(", ", alerts)}",
        async () => !(await monitored.Prometheus.ListFiringAsync(Cancel)).Any(firing => alerts.Contains(firing.Name)),
        Cancel,
        Patience);
}
