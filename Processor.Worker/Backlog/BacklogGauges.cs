using System.Diagnostics.Metrics;
using Processor.Worker.Broker;

namespace Processor.Worker.Backlog;

/// <summary>
/// The last samples of the backlog in the database and on the broker. Every replica reports the same: aggregate with max. A gauge is
/// missing when its last sample failed, so that stale values are never shown.
/// </summary>
internal sealed class BacklogGauges
{
    private volatile DatabaseBacklog? _database;
    private volatile IReadOnlyList<NotificationBacklog> _notifications = [];
    private volatile CheckBacklog? _checks;
    private volatile ArchiveBacklog? _archive;
    private volatile LastRetention? _retention;
    private volatile MissingEvents? _missing;
    private volatile IReadOnlyList<QueueDepth> _queues = [];
    private volatile IReadOnlyList<RouteState> _routes = [];

    public BacklogGauges(IMeterFactory meters)
    {
        var meter = meters.Create(ProcessorMetrics.MeterName);
        meter.CreateObservableGauge(
            "outbox.backlog.messages", () => ObserveDatabase(backlog => backlog.OutboxMessages), null,
            "Domain events that are not published yet.");
        meter.CreateObservableGauge(
            "outbox.oldest_message.age", () => ObserveDatabase(backlog => backlog.OutboxAge.TotalSeconds), "s",
            "Age of the oldest domain event that is not published yet; 0 when there is none.");
        meter.CreateObservableGauge(
            "quarantined_events.stored", () => ObserveDatabase(backlog => backlog.QuarantinedEvents), "{event}",
            "Signed bodies waiting for a person.");
        meter.CreateObservableGauge(
            "job.download.expiry", () => ObserveDatabase(backlog => backlog.NearestExpiry?.TotalSeconds), "s",
            "Time until the next download of a job expires; missing when no expiry is known.");
        meter.CreateObservableGauge(
            "notification.waiting", () => ObserveNotifications(backlog => backlog.Waiting), "{notification}",
            "Notifications to be sent or retried, by channel.");
        meter.CreateObservableGauge(
            "notification.oldest_due.age", () => ObserveNotifications(backlog => backlog.OldestDueAge.TotalSeconds), "s",
            "How long the oldest due notification has been due without an attempt, by channel; 0 when none is due.");
        meter.CreateObservableGauge(
            "notification.parked", () => ObserveNotifications(backlog => backlog.Parked), "{notification}",
            "Notifications that could not be delivered and need a person, by channel.");
        meter.CreateObservableGauge(
            "reconcile.checks.overdue", () => ObserveChecks(backlog => backlog.Overdue), "{check}",
            "Due checks of jobs at Magic Hour's API.");
        meter.CreateObservableGauge(
            "reconcile.oldest_overdue.age", () => ObserveChecks(backlog => backlog.OldestAge.TotalSeconds), "s",
            "How long the oldest of these checks has been due; 0 when there is none.");
        meter.CreateObservableGauge(
            "reconcile.jobs.unaccounted", () => ObserveChecks(backlog => backlog.Unaccounted), "{job}",
            "Jobs without an end that are no longer checked, and need a person.");
        meter.CreateObservableGauge(
            "archive.next_expiry", () => ObserveArchive(backlog => backlog.NearestExpiry?.TotalSeconds), "s",
            "Time until the next download that is not archived expires; missing when all are archived, and without an archive.");
        meter.CreateObservableGauge(
            "archive.erasures.pending", () => ObserveArchive(backlog => backlog.Erasures), "{file}",
            "Files of erased jobs that are still to be deleted from the archive.");
        meter.CreateObservableGauge(
            "retention.last_success.age", ObserveRetention, "s",
            "Time since the last run of retention that succeeded.");
        meter.CreateObservableGauge(
            "accounting.events.missing", ObserveMissing, "{event}",
            "Accepted events of the last day that never arrived, or whose row was deleted, by cause.");
        meter.CreateObservableGauge(
            "queue.messages", () => ObserveQueues(queue => queue.Messages), "{message}",
            "Messages in a queue that no consumer has fetched.");
        meter.CreateObservableGauge(
            "queue.consumers", () => ObserveQueues(queue => queue.Consumers), "{consumer}",
            "Consumers of a queue.");
        meter.CreateObservableGauge(
            "route.missing", ObserveRoutes, null,
            "1 when messages published to an exchange do not reach its queue, 0 when they do; only with Broker__ManagementUrl.");
    }

    /// <summary>As of the last sample of the queues; null when it failed, and before the first.</summary>
    public BrokerBacklog? Broker => BrokerBacklog.From(_queues);

    public void Update(DatabaseBacklog? backlog) => _database = backlog;

    public void Update(IReadOnlyList<NotificationBacklog> notifications) => _notifications = notifications;

    public void Update(CheckBacklog? checks) => _checks = checks;

    public void Update(ArchiveBacklog? archive) => _archive = archive;

    public void Update(LastRetention? retention) => _retention = retention;

    public void Update(MissingEvents? missing) => _missing = missing;

    public void Update(IReadOnlyList<QueueDepth> queues) => _queues = queues;

    public void Update(IReadOnlyList<RouteState> routes) => _routes = routes;

    private Measurement<double>[] ObserveDatabase(Func<DatabaseBacklog, double?> value) =>
        _database is { } backlog && value(backlog) is { } number ? [new(number)] : [];

    private IEnumerable<Measurement<double>> ObserveNotifications(Func<NotificationBacklog, double> value) =>
        _notifications.Select(backlog => new Measurement<double>(value(backlog), new KeyValuePair<string, object?>("channel", backlog.Channel)));

    private Measurement<double>[] ObserveChecks(Func<CheckBacklog, double> value) => _checks is { } backlog ? [new(value(backlog))] : [];

    private Measurement<double>[] ObserveArchive(Func<ArchiveBacklog, double?> value) =>
        _archive is { } backlog && value(backlog) is { } number ? [new(number)] : [];

    private Measurement<double>[] ObserveRetention() => _retention is { } last ? [new(last.Age.TotalSeconds)] : [];

    private Measurement<long>[] ObserveMissing() => _missing is { } events
        ? [new(events.Missing, Cause("not_received")), new(events.Deleted, Cause("deleted"))]
        : [];

    private static KeyValuePair<string, object?> Cause(string cause) => new("cause", cause);

    private IEnumerable<Measurement<long>> ObserveQueues(Func<QueueDepth, long> value) =>
        _queues.Select(queue => new Measurement<long>(value(queue), new KeyValuePair<string, object?>("queue", queue.Queue)));

    private IEnumerable<Measurement<int>> ObserveRoutes() =>
        _routes.Select(route => new Measurement<int>(route.IsMissing ? 1 : 0, new KeyValuePair<string, object?>("exchange", route.Route.Exchange)));
}
