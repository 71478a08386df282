using System.Diagnostics.Metrics;

namespace Processor.Worker.Notifications;

/// <summary>By which channels owners are told: only a process with this role knows, and what waits for one that is off is nobody's fault.</summary>
internal sealed class NotificationGauges(IMeterFactory meters, IEnumerable<INotificationChannel> channels) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        meters.Create(ProcessorMetrics.MeterName).CreateObservableGauge(
            "notification.channel.configured", Observe, null,
            "1 when owners are told by the channel, 0 when its settings are missing.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private IEnumerable<Measurement<int>> Observe() => channels.Select(channel => new Measurement<int>(
        channel.IsConfigured ? 1 : 0, new KeyValuePair<string, object?>("channel", channel.Name)));
}
