using OpenTelemetry;
using OpenTelemetry.Logs;
using Platform.ServiceDefaults.Logging;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>Queues log records for export while there is room, and shortens their messages.</summary>
internal sealed class BoundedLogExport(
    BaseExporter<LogRecord> exporter, DroppedTelemetry dropped, ExportRoom room, BatchExportLogRecordProcessorOptions queue)
    : BatchLogRecordExportProcessor(exporter, room.Places, queue.ScheduledDelayMilliseconds, queue.ExporterTimeoutMilliseconds, queue.MaxExportBatchSize)
{
    // Estimated sizes: a record with its fields; an exception with its stack frames; each field and scope.
    private const int RecordBytes = 512;
    private const int ExceptionBytes = 4096;
    private const int FieldBytes = 64;

    public override void OnEnd(LogRecord data)
    {
        data.FormattedMessage = data.FormattedMessage is { } message ? ShownText.Shorten(message, ShownText.MaxMessageLength) : null;
        var places = ExportRoom.PlacesOf(MeasureBytes(data));
        if (!room.TryTake(places))
        {
            dropped.Add(TelemetrySignal.LogRecords, 1, DroppedTelemetry.QueueFull);
            return;
        }

        room.Queue(places);
        base.OnEnd(data);
    }

    private static long MeasureBytes(LogRecord data)
    {
        var bytes = new Sum { Value = RecordBytes + 2L * (data.FormattedMessage?.Length ?? 0) };
        for (var exception = data.Exception; exception is not null; exception = exception.InnerException)
        {
            bytes.Value += ExceptionBytes + 2L * exception.Message.Length;
        }

        bytes.Add(data.Attributes);
        data.ForEachScope(static (scope, sum) => sum.Add(scope.Scope as IEnumerable<KeyValuePair<string, object?>>), bytes);
        return bytes.Value;
    }

    private sealed class Sum
    {
        public long Value { get; set; }

        public void Add(IEnumerable<KeyValuePair<string, object?>>? fields)
        {
            foreach (var field in fields ?? [])
            {
                Value += FieldBytes + (field.Value is string text ? 2L * text.Length : 0);
            }
        }
    }
}
