using System.Diagnostics.Metrics;

namespace Processor.Worker.Hosting;

/// <summary>
/// Counts what a queue of the SDK turned away because it was full. The SDK tells it by a meter of its own, with every span and log record
/// that it processes; only what has an error is lost.
/// </summary>
internal sealed class DroppedTelemetry : IHostedService, IDisposable
{
    private readonly MeterListener _listener = new();

    public DroppedTelemetry(ProcessorMetrics metrics)
    {
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
                metrics.TelemetryDropped((TelemetrySignal)signal!, count);
            }
        });
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _listener.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _listener.Dispose();

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
}

/// <summary>What may be lost on the way to a collector.</summary>
internal enum TelemetrySignal
{
    Spans,
    LogRecords,
}
