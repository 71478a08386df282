using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Processor.Worker.Hosting;

namespace Processor.Worker.Tests;

/// <summary>What a process was at when it was killed is not exported in part.</summary>
public sealed class TreeExportTests : IDisposable
{
    private static readonly ActivitySource Source = new(nameof(TreeExportTests));

    private const int Room = 100;

    private readonly ConcurrentQueue<string> _exported = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener _listener = new();
    private readonly TracerProvider _tracing;
    private long _dropped;

    public TreeExportTests()
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
        _tracing = Sdk.CreateTracerProviderBuilder()
            .AddSource(Source.Name)
            .AddProcessor(new TreeExport(new NameExporter(_exported), new ProcessorMetrics(meters), Room, 60_000, 10_000, Room))
            .Build();
    }

    [Fact]
    public void A_span_waits_for_all_that_it_is_part_of()
    {
        var receive = Source.StartActivity("receive")!;
        var process = Source.StartActivity("process")!;
        Source.StartActivity("statement")!.Stop();
        process.Stop();
        Source.StartActivity("commit")!.Stop();

        var before = Export();
        receive.Stop();

        Assert.Empty(before);
        Assert.Equal(["receive", "process", "statement", "commit"], Export());
    }

    [Fact]
    public void A_span_that_ends_after_what_it_is_part_of_waits_no_longer()
    {
        var receive = Source.StartActivity("receive")!;
        var process = Source.StartActivity("process")!;
        receive.Stop();

        var before = Export();
        process.Stop();

        Assert.Equal(["receive"], before);
        Assert.Equal(["receive", "process"], Export());
    }

    [Fact]
    public void A_span_that_ends_after_what_it_is_part_of_waits_for_what_that_is_part_of()
    {
        var receive = Source.StartActivity("receive")!;
        var process = Source.StartActivity("process")!;
        var statement = Source.StartActivity("statement")!;
        process.Stop();
        statement.Stop();

        var before = Export();
        receive.Stop();

        Assert.Empty(before);
        Assert.Equal(["receive", "process", "statement"], Export());
    }

    [Fact]
    public void A_span_waits_beyond_what_nobody_listens_to()
    {
        var receive = Source.StartActivity("receive")!;
        using var request = new Activity("request") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        Source.StartActivity("statement")!.Stop();

        var before = Export();
        receive.Stop();

        Assert.Empty(before);
        Assert.Equal(["receive", "statement"], Export());
    }

    [Fact]
    public void What_waits_when_the_process_ends_is_counted_as_dropped()
    {
        Source.StartActivity("receive");
        var process = Source.StartActivity("process")!;
        Source.StartActivity("statement")!.Stop();
        process.Stop();
        var before = _dropped;

        _tracing.Shutdown();

        Assert.Equal((0, 2), (before, _dropped));
        Assert.Empty(_exported);
    }

    [Fact]
    public void When_too_much_waits_what_has_waited_the_longest_is_dropped_and_counted()
    {
        var forgotten = StartWithParts("forgotten", Room - 1);
        var next = StartWithParts("next", 1);
        var before = _dropped;
        var last = StartWithParts("last", 1);

        last.Stop();
        next.Stop();
        forgotten.Stop();

        Assert.Equal((0, Room - 1), (before, _dropped));
        Assert.Equal(["last", "part of last", "next", "part of next", "forgotten"], Export());
    }

    [Fact]
    public void A_span_does_not_wait_for_another_process_or_for_what_nobody_listens_to()
    {
        var remote = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, isRemote: true);
        Source.StartActivity("receive", ActivityKind.Consumer, remote)!.Stop();
        using var request = new Activity("request") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        Source.StartActivity("statement")!.Stop();

        Assert.Equal(["receive", "statement"], Export());
    }

    public void Dispose()
    {
        _tracing.Dispose();
        _listener.Dispose();
        _services.Dispose();
    }

    private static Activity StartWithParts(string name, int parts)
    {
        Activity.Current = null;
        var whole = Source.StartActivity(name)!;
        for (var i = 0; i < parts; i++)
        {
            Source.StartActivity($"part of {name}")!.Stop();
        }

        return whole;
    }

    private string[] Export()
    {
        _tracing.ForceFlush();
        return [.. _exported];
    }

    private sealed class NameExporter(ConcurrentQueue<string> names) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
            {
                names.Enqueue(span.OperationName);
            }

            return ExportResult.Success;
        }
    }
}
