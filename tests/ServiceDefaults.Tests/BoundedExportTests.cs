using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Platform.ServiceDefaults.Telemetry;

namespace ServiceDefaults.Tests;

/// <summary>The queue in front of a collector is bounded by memory, and telemetry that does not fit is counted.</summary>
public sealed class BoundedExportTests : IDisposable
{
    private const int Room = 100;
    private static readonly ActivitySource Source = new(nameof(BoundedExportTests));

    private readonly ConcurrentQueue<string> _exported = new();
    private readonly ExportRoom _room = new(Room);
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener _listener = new();
    private readonly TracerProvider _tracing;
    private readonly DroppedTelemetry _telemetry;
    private long _dropped;

    public BoundedExportTests()
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == meters && instrument.Name == "telemetry.dropped")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, count, _, _) => _dropped += count);
        _listener.Start();
        _telemetry = new DroppedTelemetry(meters, nameof(BoundedExportTests));
        _tracing = Sdk.CreateTracerProviderBuilder()
            .AddSource(Source.Name)
            .AddProcessor(new BoundedSpanExport(
                new NameExporter(_exported, _room), _telemetry, _room, maxText: 10,
                new BatchExportActivityProcessorOptions { ScheduledDelayMilliseconds = 60_000, ExporterTimeoutMilliseconds = 10_000, MaxExportBatchSize = Room }))
            .Build();
    }

    [Fact]
    public void A_large_span_takes_the_room_of_many_and_gives_it_back()
    {
        StopLarge("first");
        var taken = _room.Taken;
        StopLarge("second");

        var exported = Export();

        Assert.InRange(taken, 60, 62);
        Assert.Equal(0, _room.Taken);
        Assert.Equal(1, _dropped);
        Assert.Equal(["first"], exported);
    }

    [Fact]
    public void Text_is_shortened_before_it_waits_and_no_foreign_trace_state_is_kept()
    {
        var span = Source.StartActivity("receive")!;
        span.SetTag("user_agent.original", new string('x', 20_000)).SetStatus(ActivityStatusCode.Error, new string('y', 20_000));
        span.TraceStateString = "vendor=" + new string('z', 20_000);

        span.Stop();

        Assert.Equal((new string('x', 10), new string('y', 10), null), ((string)span.GetTagItem("user_agent.original")!, span.StatusDescription!, span.TraceStateString));
        Assert.Equal(1, _room.Taken);
    }

    public void Dispose()
    {
        _tracing.Dispose();
        _listener.Dispose();
        _telemetry.Dispose();
        _services.Dispose();
    }

    // Texts of span events are not shortened before the export.
    private static void StopLarge(string name)
    {
        using var span = Source.StartActivity(name)!;
        span.AddEvent(new ActivityEvent("exception", tags: new ActivityTagsCollection { ["exception.message"] = new string('x', 60 * ExportRoom.PlaceBytes / 2) }));
    }

    private string[] Export()
    {
        _tracing.ForceFlush();
        return [.. _exported];
    }

    private sealed class NameExporter(ConcurrentQueue<string> names, ExportRoom room) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
            {
                names.Enqueue(span.OperationName);
            }

            room.Leave(batch.Count);
            return ExportResult.Success;
        }
    }
}
