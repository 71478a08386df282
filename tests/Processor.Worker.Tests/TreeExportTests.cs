using System.Collections.Concurrent;
using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Processor.Worker.Hosting;

namespace Processor.Worker.Tests;

/// <summary>What a process was at when it was killed is not exported in part.</summary>
public sealed class TreeExportTests : IDisposable
{
    private static readonly ActivitySource Source = new(nameof(TreeExportTests));

    private readonly ConcurrentQueue<string> _exported = new();
    private readonly TracerProvider _tracing;

    public TreeExportTests() => _tracing = Sdk.CreateTracerProviderBuilder()
        .AddSource(Source.Name)
        .AddProcessor(new TreeExport(new NameExporter(_exported), 100, 60_000, 10_000, 100))
        .Build();

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
    public void A_span_does_not_wait_for_another_process_or_for_what_nobody_listens_to()
    {
        var remote = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, isRemote: true);
        Source.StartActivity("receive", ActivityKind.Consumer, remote)!.Stop();
        using var request = new Activity("request") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        Source.StartActivity("statement")!.Stop();

        Assert.Equal(["receive", "statement"], Export());
    }

    public void Dispose() => _tracing.Dispose();

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
