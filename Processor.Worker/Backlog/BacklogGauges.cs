using System.Diagnostics.Metrics;

namespace Processor.Worker.Backlog;

/// <summary>
/// The last samples of what waits, in the database and on the broker. The same from every replica: take the maximum. Missing when
/// the last attempt to read them failed, for nobody should trust an old number.
/// </summary>
internal sealed class BacklogGauges
{
    private volatile DatabaseBacklog? _database;
    private volatile IReadOnlyList<NotificationBacklog> _notifications = [];
    private volatile IReadOnlyList<QueueDepth> _queues = [];

    public BacklogGauges(IMeterFactory meters)
    {
        var meter = meters.Create(ProcessorMetrics.MeterName);
        meter.CreateObservableGauge(
            "outbox.backlog.messages", () => ObserveDatabase(backlog => backlog.OutboxMessages), null,
            "Domain events that are not published yet.");
        meter.CreateObservableGauge(
            "outbox.oldest_message.age", () => ObserveDatabase(backlog => backlog.OutboxAge.TotalSeconds), "s",
            "Age of the oldest of them; 0 when there is none.");
        meter.CreateObservableGauge(
            "quarantined_events.stored", () => ObserveDatabase(backlog => backlog.QuarantinedEvents), "{event}",
            "Signed bodies that wait for a person.");
        meter.CreateObservableGauge(
            "job.download.expiry", () => ObserveDatabase(backlog => backlog.NearestExpiry?.TotalSeconds), "s",
            "Until the next download of a job expires; missing when none is known to.");
        meter.CreateObservableGauge(
            "notification.waiting", () => ObserveNotifications(backlog => backlog.Waiting), "{notification}",
            "Owners of jobs who are yet to be told, or to be tried again, by channel.");
        meter.CreateObservableGauge(
            "notification.oldest_due.age", () => ObserveNotifications(backlog => backlog.OldestDueAge.TotalSeconds), "s",
            "How long one of them has been due and nobody has tried, by channel; 0 when none is due.");
        meter.CreateObservableGauge(
            "notification.parked", () => ObserveNotifications(backlog => backlog.Parked), "{notification}",
            "Owners of jobs who could not be told, for a person to look at, by channel.");
        meter.CreateObservableGauge(
            "queue.messages", () => ObserveQueues(queue => queue.Messages), "{message}",
            "Messages in a queue that no consumer has fetched.");
        meter.CreateObservableGauge(
            "queue.consumers", () => ObserveQueues(queue => queue.Consumers), "{consumer}",
            "Consumers of a queue.");
    }

    public void Show(DatabaseBacklog? backlog) => _database = backlog;

    public void Show(IReadOnlyList<NotificationBacklog> notifications) => _notifications = notifications;

    public void Show(IReadOnlyList<QueueDepth> queues) => _queues = queues;

    private Measurement<double>[] ObserveDatabase(Func<DatabaseBacklog, double?> value) =>
        _database is { } backlog && value(backlog) is { } number ? [new(number)] : [];

    private IEnumerable<Measurement<double>> ObserveNotifications(Func<NotificationBacklog, double> value) =>
        _notifications.Select(backlog => new Measurement<double>(value(backlog), new KeyValuePair<string, object?>("channel", backlog.Channel)));

    private IEnumerable<Measurement<long>> ObserveQueues(Func<QueueDepth, long> value) =>
        _queues.Select(queue => new Measurement<long>(value(queue), new KeyValuePair<string, object?>("queue", queue.Queue)));
}
