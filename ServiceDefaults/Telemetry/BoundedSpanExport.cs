using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>Queues spans for export while there is room, and shortens their texts, some of which come from outside.</summary>
/// <param name="maxText">Maximum length of a text, in characters.</param>
internal sealed class BoundedSpanExport(
    BaseExporter<Activity> exporter, DroppedTelemetry dropped, ExportRoom room, int maxText, BatchExportActivityProcessorOptions queue)
    : BatchActivityExportProcessor(exporter, room.Places, queue.ScheduledDelayMilliseconds, queue.ExporterTimeoutMilliseconds, queue.MaxExportBatchSize)
{
    public override void OnEnd(Activity data)
    {
        if (!data.Recorded)
        {
            return;
        }

        SpanBounds.Shorten(data, maxText);
        var places = ExportRoom.PlacesOf(SpanBounds.MeasureBytes(data));
        if (!room.TryTake(places))
        {
            dropped.Add(TelemetrySignal.Spans, 1, DroppedTelemetry.QueueFull);
            return;
        }

        room.Queue(places);
        base.OnEnd(data);
    }
}
