using Platform.Contracts;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Causes a fault for real, and waits until its alert fires, and until it stops once the fault is fixed.</summary>
public abstract class FiringAlerts(MonitoredPlatform monitored) : IClassFixture<MonitoredPlatform>
{
    protected static readonly TimeSpan Patience = MonitoredPlatform.Hasten(TimeSpan.FromMinutes(45));

    protected MonitoredPlatform Monitored => monitored;

    /// <param name="hasTraffic">An event arrives before each check of the alerts.</param>
    protected async Task AssertFiresAsync(
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
