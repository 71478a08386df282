using System.Diagnostics;
using Ingress.Api.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Ingress.Api.Tests;

/// <summary>The telemetry of the ingress without the rest. The clock moves only when a test advances it.</summary>
internal sealed class ExportingApp : IAsyncDisposable
{
    private static readonly ActivitySource Source = new(IngressTraces.SourceName);
    private static readonly string[] Signals = ["TRACES", "METRICS", "LOGS"];

    private readonly WebApplication _app;

    private ExportingApp(WebApplication app, FakeTimeProvider time, LogLines log) => (_app, Time, Log) = (app, time, log);

    public IServiceProvider Services => _app.Services;

    public FakeTimeProvider Time { get; }

    public LogLines Log { get; }

    /// <param name="signal">The only signal that is exported, at short intervals.</param>
    public static async Task<ExportingApp> StartAsync(string signal, params IEnumerable<(string Name, string Value)> settings)
    {
        var (time, log) = (new FakeTimeProvider(), new LogLines());
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.Configuration.AddInMemoryCollection(
        [
            new("OTEL_BSP_SCHEDULE_DELAY", "50"),
            new("OTEL_BLRP_SCHEDULE_DELAY", "50"),
            new("OTEL_METRIC_EXPORT_INTERVAL", "50"),
            .. Signals.Where(other => other != signal).Select(other => KeyValuePair.Create($"OTEL_{other}_EXPORTER", (string?)"none")),
            .. settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)),
        ]);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<TimeProvider>(time);
        builder.AddTelemetry();
        var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ExportingApp(app, time, log);
    }

    /// <summary>Records a span and a log record; there are always some metrics.</summary>
    public void MakeTelemetry()
    {
        // A root span: another activity that is current must not decide whether this span is recorded.
        Activity.Current = null;
        using var span = Source.StartActivity("made");
        _app.Logger.Log(LogLevel.Warning, default, "Made.", exception: null, static (text, _) => text);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
