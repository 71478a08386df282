using System.Diagnostics.Metrics;

namespace Ingress.Api.Publishing;

/// <summary>Gauges that are read only on collection, at no cost to events.</summary>
internal sealed class PublishingGauges(
    IMeterFactory meters, EventPublisher publisher, PublisherConnection connection, BrokerHealth broker, PublishWatchdog watchdog) : IHostedService
{
    private static readonly BrokerState[] States = Enum.GetValues<BrokerState>();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = meters.Create(IngressMetrics.MeterName);
        meter.CreateObservableGauge(
            "broker.publishes.in_flight", () => publisher.InFlight, "{message}",
            "Messages whose webhook awaits the broker's answer.");
        meter.CreateObservableGauge(
            "broker.publishes.unconfirmed", () => connection.UnansweredPublishes, "{message}",
            "Messages written to the broker and not yet answered, including abandoned ones.");
        meter.CreateObservableGauge(
            "broker.connection.state", ObserveState, null,
            "State of the broker: 1 for the current one.");
        meter.CreateObservableGauge(
            "broker.watchdog.stalled", () => watchdog.IsStuck ? 1 : 0, null,
            "1 when the broker answers, but no publish of this process has been answered for a minute.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private IEnumerable<Measurement<int>> ObserveState()
    {
        var current = broker.State;
        return States.Select(state => new Measurement<int>(
            state == current ? 1 : 0, new KeyValuePair<string, object?>("state", Name(state))));
    }

    private static string Name(BrokerState state) => state switch
    {
        BrokerState.Unknown => "unknown",
        BrokerState.Available => "available",
        BrokerState.Unavailable => "away",
        BrokerState.Blocked => "blocked",
        BrokerState.WithoutQueue => "queue_missing",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
