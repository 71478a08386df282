using System.Diagnostics;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Trace;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// OTLP export that counts the telemetry no collector accepted; it is not retried. The queue in front of a collector is bounded by memory.
/// </summary>
internal static class CountedExport
{
    public static TracerProviderBuilder AddCountedExporter(this TracerProviderBuilder tracing) =>
        tracing.AddProcessor(provider =>
        {
            var queue = provider.GetRequiredService<IOptionsMonitor<BatchExportActivityProcessorOptions>>().CurrentValue;
            var dropped = provider.GetRequiredService<DroppedTelemetry>();
            var room = new ExportRoom(Math.Max(queue.MaxQueueSize, OtlpSettings.MinQueueSize));
            return new BoundedSpanExport(
                new CountedSpanExporter(OtlpSettings.CreateOptions(provider, "TRACES"), dropped, room),
                dropped,
                room,
                OtlpSettings.MaxTextOf(provider.GetRequiredService<IConfiguration>(), "SPAN"),
                queue);
        });

    public static LoggerProviderBuilder AddCountedExporter(this LoggerProviderBuilder logging)
    {
        // Created once: two processors share it.
        OtlpLogExporter? exporter = null;
        OtlpLogExporter GetExporter(IServiceProvider provider) => exporter ??= new OtlpLogExporter(OtlpSettings.CreateOptions(provider, "LOGS"));
        return logging
            .AddProcessor(provider =>
            {
                var queue = provider.GetRequiredService<IOptionsMonitor<BatchExportLogRecordProcessorOptions>>().CurrentValue;
                var dropped = provider.GetRequiredService<DroppedTelemetry>();
                var room = new ExportRoom(Math.Max(queue.MaxQueueSize, OtlpSettings.MinQueueSize));
                return new BoundedLogExport(new CountedLogExporter(GetExporter(provider), dropped, room), dropped, room, queue);
            })
            .AddProcessor(provider => new ProviderOf(GetExporter(provider)));
    }

    private delegate ExportResult Exporting<T>(in Batch<T> batch)
        where T : class;

    private static ExportResult Count<T>(in Batch<T> batch, Exporting<T> export, TelemetrySignal signal, DroppedTelemetry dropped, ExportRoom room)
        where T : class
    {
        var count = batch.Count;
        ExportFailures.Begin();
        var result = export(batch);
        var cause = ExportFailures.End();
        room.Leave(count);
        if (result is ExportResult.Failure)
        {
            dropped.Add(signal, count, cause);
        }

        return result;
    }

    private sealed class CountedSpanExporter(OtlpExporterOptions options, DroppedTelemetry dropped, ExportRoom room) : OtlpTraceExporter(options)
    {
        public override ExportResult Export(in Batch<Activity> activityBatch) =>
            Count(activityBatch, base.Export, TelemetrySignal.Spans, dropped, room);
    }

    private sealed class CountedLogExporter(OtlpLogExporter exporter, DroppedTelemetry dropped, ExportRoom room) : BaseExporter<LogRecord>
    {
        public override ExportResult Export(in Batch<LogRecord> batch) => Count(batch, exporter.Export, TelemetrySignal.LogRecords, dropped, room);
    }

    /// <summary>
    /// Processes nothing. The exporter takes the service's name from its provider, which the SDK sets on a processor's direct exporter but
    /// not on a wrapped one. It also shuts the exporter down: processors shut down in order.
    /// </summary>
    private sealed class ProviderOf(OtlpLogExporter exporter) : SimpleLogRecordExportProcessor(exporter)
    {
        public override void OnEnd(LogRecord data)
        {
        }
    }
}
