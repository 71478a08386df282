using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Telemetry;
using Platform.Tests;
using Processor.Worker.Archiving;
using Processor.Worker.Backlog;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;
using Processor.Worker.Persistence;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>Every instrument of the service with only webhooks configured, and the sum of each series' measurements.</summary>
internal sealed class AllMetrics : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener _listener = new();
    private readonly DatabaseOutage _outage;
    private readonly GroupCommitter _committer;
    private readonly WebhookChannel _webhooks;
    private readonly EmailChannel _email;
    private readonly SortedDictionary<string, double> _sums = new(StringComparer.Ordinal);

    public AllMetrics(TestDatabase database)
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other tests in this process have the same meters.
            if (instrument.Meter.Scope == meters)
            {
                Instruments.Add(instrument.Name, instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
        Metrics = new ProcessorMetrics(meters);
        Telemetry = new DroppedTelemetry(meters, ProcessorMetrics.MeterName);
        Backlog = new BacklogGauges(meters);
        _outage = new DatabaseOutage(database.Source, TimeProvider.System, NullLogger<DatabaseOutage>.Instance);
        _committer = new GroupCommitter(database.Transaction, _outage, Metrics, TimeProvider.System, NullLogger<GroupCommitter>.Instance);
        new InboxGauges(meters, _committer, _outage, new ConsumerLimits(Options.Create(new EventOptions()), NullLogger<ConsumerLimits>.Instance)).StartAsync(CancellationToken.None);
        _webhooks = new NotificationHarness(database).Webhooks();
        _email = new EmailChannel(Options.Create(new EmailOptions()), TimeProvider.System);
        new NotificationGauges(meters, [_email, _webhooks]).StartAsync(CancellationToken.None);
        var pause = new AskingPause(Reconciling.Key(ScriptedMagicHour.Key), TimeProvider.System);
        new ReconcileGauges(meters, Lock(AdvisoryLocks.Reconcile), pause, new RequestBudget(5, TimeProvider.System)).StartAsync(CancellationToken.None);
        new ArchivingGauges(meters, Lock(AdvisoryLocks.Archive)).StartAsync(CancellationToken.None);

        ReplicaLock Lock(string name) => new(name, database.Sessions, TimeProvider.System);
    }

    public Dictionary<string, Instrument> Instruments { get; } = [];

    public ProcessorMetrics Metrics { get; }

    public DroppedTelemetry Telemetry { get; }

    public BacklogGauges Backlog { get; }

    /// <summary>The measurements since the last call.</summary>
    public Dictionary<string, double> Collect()
    {
        _listener.RecordObservableInstruments();
        var collected = new Dictionary<string, double>(_sums);
        _sums.Clear();
        return collected;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _webhooks.Dispose();
        _email.Dispose();
        _committer.Dispose();
        _outage.Dispose();
        Telemetry.Dispose();
        _services.Dispose();
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var series = $"{instrument.Name}{{{string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}}}";
        _sums[series] = _sums.GetValueOrDefault(series) + value;
    }
}
