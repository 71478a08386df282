using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Faults of the ingress, the broker and what consumes from it.</summary>
public sealed class FiringIngestAlertsTests(MonitoredPlatform monitored) : FiringAlerts(monitored)
{
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
            await Monitored.Worker.StopAsync(Cancel);
            await broker.ControlAsync(Cancel, "delete_queue", "webhook-received");
        },
        async _ =>
        {
            await Monitored.Platform.MigrateAsync();
            await Monitored.Worker.StartAsync(Cancel);
        });

    [Fact]
    public Task A_missing_exchange_without_publishes_raises_an_alert() => AssertFiresAsync(
        ["RouteMissing"],
        _ => Monitored.Platform.Broker.DeleteExchangeAsync("Platform.Contracts:RegisterJob", Cancel),
        _ => Monitored.Platform.MigrateAsync());

    [Fact]
    public Task A_stopped_ingress_raises_an_alert() => AssertFiresAsync(
        ["IngressDown", "TargetDown"], _ => Monitored.Ingress.StopAsync(Cancel), _ => Monitored.Ingress.StartAsync(Cancel), hasTraffic: false);

    [Fact]
    public Task A_stopped_worker_with_a_backlog_raises_an_alert() => AssertFiresAsync(
        ["NoConsumers", "WorkerDown"], _ => Monitored.Worker.StopAsync(Cancel), _ => Monitored.Worker.StartAsync(Cancel));

    [Fact]
    public Task A_good_signature_that_is_too_old_raises_an_alert() => AssertFiresAsync(
        ["StaleSignatures"],
        async _ => (await Monitored.Platform.Ingresses[0].SendAsync(NewEvent(), TimeProvider.System.GetUtcNow().AddHours(-26), Cancel)).Dispose(),
        _ => Task.CompletedTask);

    [Fact]
    public Task Domain_events_without_an_exchange_raise_an_alert() => AssertFiresAsync(
        ["OutboxStuck"],
        broker => broker.ControlAsync(
            Cancel, "eval", """rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"Platform.Contracts:JobCompleted">>), false, <<"test">>)."""),
        _ => Monitored.Platform.MigrateAsync());
}
