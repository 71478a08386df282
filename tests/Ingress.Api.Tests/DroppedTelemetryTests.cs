using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Logs;
using OpenTelemetry.Trace;
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>
/// Telemetry that never reaches a collector is counted. Not run in parallel: activity
/// sources are process-wide, so spans of other tests would be included.
/// </summary>
[Collection(typeof(DroppedTelemetryTests))]
[CollectionDefinition(DisableParallelization = true)]
public sealed class DroppedTelemetryTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task Spans_that_no_collector_takes_are_counted()
    {
        // Nothing listens on port 1.
        await using var app = new IngressApp(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"));
        using var measured = new Measurements(app.Services);
        var ended = 0;
        using var listener = new ActivityListener { ShouldListenTo = _ => true, ActivityStopped = _ => Interlocked.Increment(ref ended) };
        ActivitySource.AddActivityListener(listener);

        using var accepted = await app.SendAsync(Completed);
        // A request's span ends after its response; this listener runs after the exporter's.
        await Waiting.UntilAsync("both spans have ended", () => Task.FromResult(Volatile.Read(ref ended) >= 2), TestContext.Current.CancellationToken);
        app.Services.GetRequiredService<TracerProvider>().Dispose();

        // The spans of the request and of its publish.
        Assert.Equal(2, measured.Of("telemetry.dropped{signal=spans}").Sum());
    }

    [Theory]
    [InlineData("TRACES", "spans")]
    [InlineData("LOGS", "log records")]
    [InlineData("METRICS", "exports of metrics")]
    public async Task What_is_dropped_is_logged_with_its_cause(string signal, string what)
    {
        await using var app = await ExportingApp.StartAsync(signal, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"));

        app.MakeTelemetry();
        await AdvanceUntilReportedAsync(app);

        Assert.Matches(
            @$"^Warning: \d+ {what} did not reach the collector within the last minute: collector unreachable: Connection refused \(127.0.0.1:1\)$",
            Reports(app)[0]);
    }

    [Theory]
    [InlineData("TRACES", "spans")]
    [InlineData("LOGS", "log records")]
    [InlineData("METRICS", "exports of metrics")]
    public async Task A_refusal_of_the_collector_is_logged_with_its_status(string signal, string what)
    {
        await using var collector = new OtlpCollector(HttpStatusCode.Unauthorized);
        await using var app = await ExportingApp.StartAsync(
            signal, ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));

        app.MakeTelemetry();
        await AdvanceUntilReportedAsync(app);

        Assert.Matches(
            @$"^Warning: \d+ {what} did not reach the collector within the last minute: request failed: Response status code does not indicate success: 401 ",
            Reports(app)[0]);
    }

    [Fact]
    public async Task What_is_dropped_is_logged_once_a_minute()
    {
        await using var app = await ExportingApp.StartAsync("TRACES", ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"));
        using var measured = new Measurements(app.Services);
        for (var i = 1; i <= 3; i++)
        {
            app.MakeTelemetry();
            await Waiting.UntilAsync(
                "the export has failed", () => Task.FromResult(measured.Of("telemetry.dropped{signal=spans}").Sum() == i), TestContext.Current.CancellationToken);
        }

        var before = Reports(app);
        await AdvanceUntilReportedAsync(app);

        Assert.Empty(before);
        Assert.StartsWith("Warning: 3 spans ", Assert.Single(Reports(app)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_records_are_counted_that_no_collector_takes_or_no_queue()
    {
        var answering = new TaskCompletionSource();
        await using var collector = new OtlpCollector(HttpStatusCode.Unauthorized, answering.Task);
        await using var app = await ExportingApp.StartAsync(
            "LOGS", ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        var logger = app.Services.GetRequiredService<ILogger<DroppedTelemetryTests>>();
        using var measured = new Measurements(app.Services);
        const int more = 20_000;

        for (var i = 0; i < more; i++)
        {
            logger.Log(LogLevel.Warning, default, "More than a queue holds.", exception: null, static (text, _) => text);
        }

        answering.SetResult();
        app.Services.GetRequiredService<LoggerProvider>().Dispose();
        var dropped = measured.Of("telemetry.dropped{signal=log_records}");

        Assert.Contains(1, dropped);
        Assert.InRange(dropped.Sum(), more, more + 10);
    }

    private static string[] Reports(ExportingApp app) =>
        [.. app.Log.Lines.Where(line => line.Contains("did not reach the collector", StringComparison.Ordinal)).Select(line => line.TrimEnd())];

    /// <summary>Advances the clock by minutes, because an export takes time.</summary>
    private static Task AdvanceUntilReportedAsync(ExportingApp app) => Waiting.UntilAsync(
        "what was dropped is logged",
        () =>
        {
            app.Time.Advance(TimeSpan.FromMinutes(1));
            return Task.FromResult(Reports(app).Length > 0);
        },
        TestContext.Current.CancellationToken);
}
