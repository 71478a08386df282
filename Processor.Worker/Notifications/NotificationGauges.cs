using System.Diagnostics.Metrics;

namespace Processor.Worker.Notifications;

/// <summary>The configured channels. Only this role knows them. A backlog on a channel that is off raises no alert.</summary>
internal sealed class NotificationGauges(IMeterFactory meters, IEnumerable<INotificationChannel> channels) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        meters.Create(ProcessorMetrics.MeterName).CreateObservableGauge(
            "notification.channel.configured", Observe, null,
            "1 when the channel notifies owners, 0 when its settings are missing.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private IEnumerable<Measurement<int>> Observe() => channels.Select(channel => new Measurement<int>(
        channel.IsConfigured ? 1 : 0, new KeyValuePair<string, object?>("channel", channel.Name)));
}
