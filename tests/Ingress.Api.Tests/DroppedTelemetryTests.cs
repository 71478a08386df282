using Ingress.Api.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Logs;
using OpenTelemetry.Trace;

namespace Ingress.Api.Tests;

/// <summary>What never reaches a collector is counted. Alone: sources of spans belong to the process, so that those of other tests would come too.</summary>
[Collection(typeof(DroppedTelemetryTests))]
[CollectionDefinition(DisableParallelization = true)]
public sealed class DroppedTelemetryTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task Spans_that_no_collector_takes_are_counted()
    {
        // Nobody listens on port 1.
        await using var app = new IngressApp(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"));
        using var measured = new Measurements(app.Services);

        using var accepted = await app.SendAsync(Completed);
        app.Services.GetRequiredService<TracerProvider>().Dispose();

        // The request and its publish.
        Assert.Equal(2, measured.Of("telemetry.dropped{signal=spans}").Sum());
    }

    [Fact]
    public async Task Log_records_are_counted_that_no_collector_takes_or_no_queue()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] = "http://127.0.0.1:1";
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddTelemetry();
        await using var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var measured = new Measurements(app.Services);
        const int more = 20_000;

        for (var i = 0; i < more; i++)
        {
            app.Logger.Log(LogLevel.Warning, default, "More than a queue holds.", exception: null, static (text, _) => text);
        }

        app.Services.GetRequiredService<LoggerProvider>().Dispose();
        var dropped = measured.Of("telemetry.dropped{signal=log_records}");

        Assert.Contains(1, dropped);
        Assert.InRange(dropped.Sum(), more, more + 10);
    }
}
