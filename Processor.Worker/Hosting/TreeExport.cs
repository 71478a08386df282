using System.Diagnostics;
using OpenTelemetry;

namespace Processor.Worker.Hosting;

/// <summary>
/// Hands a span over for export when all that it is part of in this process has ended too. One that is killed leaves no spans whose parent
/// never comes: its messages are processed elsewhere, and the trace of each is one tree all the same.
/// </summary>
internal sealed class TreeExport(
    BaseExporter<Activity> exporter, ProcessorMetrics metrics, int maxQueueSize, int delayMilliseconds, int timeoutMilliseconds, int maxBatchSize)
    : BatchActivityExportProcessor(exporter, maxQueueSize, delayMilliseconds, timeoutMilliseconds, maxBatchSize)
{
    private readonly Lock _lock = new();
    private readonly int _room = maxQueueSize;

    // By what they wait for.
    private readonly Dictionary<Activity, List<Activity>> _kept = [];
    private int _keptCount;

    public override void OnEnd(Activity data)
    {
        List<Activity>? parts;
        lock (_lock)
        {
            parts = Take(data);
            if (FindYetToEnd(data) is { } whole)
            {
                Keep(whole, data, parts);
                return;
            }
        }

        base.OnEnd(data);
        parts?.ForEach(base.OnEnd);
    }

    protected override bool OnShutdown(int timeoutMilliseconds)
    {
        lock (_lock)
        {
            // What they are part of ends with the process.
            Drop(_keptCount);
            _kept.Clear();
            _keptCount = 0;
        }

        return base.OnShutdown(timeoutMilliseconds);
    }

    private static Activity? FindYetToEnd(Activity span)
    {
        var whole = span.Parent;
        while (whole is not null && !IsYetToEnd(whole))
        {
            whole = whole.Parent;
        }

        return whole;
    }

    // Of a span without listeners, such as ASP.NET's of a request, nobody tells the end.
    private static bool IsYetToEnd(Activity span) => span is { IsStopped: false, Recorded: true } && span.Source.HasListeners();

    private List<Activity>? Take(Activity whole)
    {
        _kept.Remove(whole, out var parts);
        _keptCount -= parts?.Count ?? 0;
        return parts;
    }

    private void Keep(Activity whole, Activity span, List<Activity>? parts)
    {
        if (!_kept.TryGetValue(whole, out var kept))
        {
            _kept.Add(whole, kept = []);
        }

        kept.Add(span);
        kept.AddRange(parts ?? []);
        _keptCount += 1 + (parts?.Count ?? 0);
        if (_keptCount > _room)
        {
            DropOldest();
        }
    }

    // They have probably been forgotten, and never end. Several at once: looking for them takes time, and all spans wait for it.
    private void DropOldest()
    {
        foreach (var (whole, parts) in _kept.OrderBy(kept => kept.Key.StartTimeUtc).ToArray())
        {
            if (_keptCount <= _room * 3 / 4)
            {
                return;
            }

            Take(whole);
            Drop(parts.Count);
        }
    }

    private void Drop(int count) => metrics.TelemetryDropped(TelemetrySignal.Spans, count);
}
