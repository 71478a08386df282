using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// Counts telemetry that never reaches a collector, by cause. A meter of the SDK reports every span and log record that the SDK processes;
/// those with an error were rejected by a full queue and are lost.
/// </summary>
internal sealed class DroppedTelemetry : IHostedService, IDisposable
{
    /// <summary>The cause when a collector is too slow.</summary>
    public const string QueueFull = "queue full";

    private readonly MeterListener _listener = new();
    private readonly ExportFailures _failures;
    private readonly Counter<long> _dropped;
    private readonly ConcurrentDictionary<(string What, string Cause), long> _unreported = new();

    /// <param name="meter">The name of the service's own meter.</param>
    public DroppedTelemetry(IMeterFactory meters, string meter)
    {
        _dropped = meters.Create(meter).CreateCounter<long>("telemetry.dropped", null, "Spans and log records that never reached a collector.");
        // Metric values are cumulative: the next export makes up for a failed one, so the failure is logged but not counted as dropped.
        _failures = new ExportFailures(cause => Note("exports of metrics", 1, cause));
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (SignalOf(instrument.Name) is { } signal)
            {
                listener.EnableMeasurementEvents(instrument, signal);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, count, tags, signal) =>
        {
            if (HasError(tags))
            {
                Add((TelemetrySignal)signal!, count, QueueFull);
            }
        });
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _listener.Start();
        // Start every series at zero: without a zero first, Prometheus does not see the first drop as an increase.
        Array.ForEach(Enum.GetValues<TelemetrySignal>(), signal => Count(signal, 0));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <param name="cause">From a small set, because each cause is logged.</param>
    public void Add(TelemetrySignal signal, long count, string cause)
    {
        Count(signal, count);
        Note(signal is TelemetrySignal.Spans ? "spans" : "log records", count, cause);
    }

    /// <summary>Returns the drops since the last call.</summary>
    public IEnumerable<(string What, string Cause, long Count)> TakeUnreported()
    {
        foreach (var (what, cause) in _unreported.Keys)
        {
            if (_unreported.TryRemove((what, cause), out var count))
            {
                yield return (what, cause, count);
            }
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _failures.Dispose();
    }

    private static TelemetrySignal? SignalOf(string instrument) => instrument switch
    {
        "otel.sdk.processor.span.processed" => TelemetrySignal.Spans,
        "otel.sdk.processor.log.processed" => TelemetrySignal.LogRecords,
        _ => null,
    };

    private static bool HasError(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == "error.type")
            {
                return true;
            }
        }

        return false;
    }

    private void Count(TelemetrySignal signal, long count) =>
        _dropped.Add(count, new KeyValuePair<string, object?>("signal", signal is TelemetrySignal.Spans ? "spans" : "log_records"));

    private void Note(string what, long count, string cause) =>
        _unreported.AddOrUpdate((what, cause), static (_, more) => more, static (_, before, more) => before + more, count);
}

/// <summary>The kinds of telemetry that can be lost on the way to a collector.</summary>
internal enum TelemetrySignal
{
    Spans,
    LogRecords,
}
