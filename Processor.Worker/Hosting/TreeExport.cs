using System.Diagnostics;
using OpenTelemetry;

namespace Processor.Worker.Hosting;

/// <summary>
/// Hands a span over for export when what it is part of in this process has ended too. One that is killed leaves no spans whose parent
/// never comes: its messages are processed elsewhere, and the trace of each is one tree all the same.
/// </summary>
internal sealed class TreeExport(BaseExporter<Activity> exporter, int maxQueueSize, int delayMilliseconds, int timeoutMilliseconds, int maxBatchSize)
    : BatchActivityExportProcessor(exporter, maxQueueSize, delayMilliseconds, timeoutMilliseconds, maxBatchSize)
{
    // Kept by the parent itself: when that never ends, they go with it.
    private const string EndedChildren = "ended children";

    private readonly Lock _lock = new();

    public override void OnEnd(Activity data)
    {
        lock (_lock)
        {
            if (data.Parent is { } parent && IsYetToEnd(parent))
            {
                KeepFor(parent, data);
                return;
            }
        }

        HandOver(data);
    }

    // Of a span without listeners, such as ASP.NET's of a request, nobody tells the end.
    private static bool IsYetToEnd(Activity span) => span is { IsStopped: false, Recorded: true } && span.Source.HasListeners();

    private static void KeepFor(Activity parent, Activity child)
    {
        if (parent.GetCustomProperty(EndedChildren) is List<Activity> children)
        {
            children.Add(child);
        }
        else
        {
            parent.SetCustomProperty(EndedChildren, new List<Activity> { child });
        }
    }

    private void HandOver(Activity span)
    {
        base.OnEnd(span);
        if (span.GetCustomProperty(EndedChildren) is List<Activity> children)
        {
            children.ForEach(HandOver);
        }
    }
}
