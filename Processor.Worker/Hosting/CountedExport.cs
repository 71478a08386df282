using System.Diagnostics;
using System.Runtime.CompilerServices;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Trace;

namespace Processor.Worker.Hosting;

/// <summary>Export by OTLP in which what no collector took is counted: it is not tried again.</summary>
internal static class CountedExport
{
    // The default of 2048 spans is less than a second of a storm.
    private const int MinQueueSize = 8192;

    public static TracerProviderBuilder AddCountedExporter(this TracerProviderBuilder tracing, Action<OtlpExporterOptions> configure) =>
        tracing.AddProcessor(provider =>
        {
            var queue = new BatchExportActivityProcessorOptions();
            var metrics = provider.GetRequiredService<ProcessorMetrics>();
            return new TreeExport(
                new CountedSpanExporter(Options(configure), metrics),
                metrics,
                Math.Max(queue.MaxQueueSize, MinQueueSize),
                queue.ScheduledDelayMilliseconds,
                queue.ExporterTimeoutMilliseconds,
                queue.MaxExportBatchSize);
        });

    public static LoggerProviderBuilder AddCountedExporter(this LoggerProviderBuilder logging, Action<OtlpExporterOptions> configure) =>
        logging.AddProcessor(provider =>
        {
            var queue = new BatchExportLogRecordProcessorOptions();
            return new BatchLogRecordExportProcessor(
                new CountedLogExporter(new OtlpLogExporter(Options(configure)), provider.GetRequiredService<ProcessorMetrics>()),
                Math.Max(queue.MaxQueueSize, MinQueueSize),
                queue.ScheduledDelayMilliseconds,
                queue.ExporterTimeoutMilliseconds,
                queue.MaxExportBatchSize);
        });

    private static OtlpExporterOptions Options(Action<OtlpExporterOptions> configure)
    {
        var options = new OtlpExporterOptions();
        configure(options);
        return options;
    }

    private sealed class CountedSpanExporter(OtlpExporterOptions options, ProcessorMetrics metrics) : OtlpTraceExporter(options)
    {
        public override ExportResult Export(in Batch<Activity> activityBatch)
        {
            var count = activityBatch.Count;
            var result = base.Export(activityBatch);
            metrics.TelemetryDropped(TelemetrySignal.Spans, result is ExportResult.Failure ? count : 0);
            return result;
        }
    }

    private sealed class CountedLogExporter(OtlpLogExporter exporter, ProcessorMetrics metrics) : BaseExporter<LogRecord>
    {
        public override ExportResult Export(in Batch<LogRecord> batch)
        {
            // It finds the name of the service by its provider, which the SDK sets of the outer exporter alone.
            Provider<LogRecord>.Set(exporter, ParentProvider);
            var count = batch.Count;
            var result = exporter.Export(batch);
            metrics.TelemetryDropped(TelemetrySignal.LogRecords, result is ExportResult.Failure ? count : 0);
            return result;
        }

        protected override bool OnShutdown(int timeoutMilliseconds) => exporter.Shutdown(timeoutMilliseconds);

        protected override void Dispose(bool disposing)
        {
            exporter.Dispose();
            base.Dispose(disposing);
        }
    }

    private static class Provider<T>
        where T : class
    {
        [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_ParentProvider")]
        public static extern void Set(BaseExporter<T> exporter, BaseProvider? provider);
    }
}
