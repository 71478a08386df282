using MassTransit.Logging;
using MassTransit.Monitoring;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Processor.Worker.Hosting;

internal static class TelemetrySetup
{
    /// <summary>Traces, metrics and logs. They leave by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, and nowhere otherwise.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ProcessorMetrics>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(builder.Configuration["OTEL_SERVICE_NAME"] ?? "processor-worker")
                .AddEnvironmentVariableDetector())
            .WithTracing(tracing => tracing
                .AddSource(ProcessorTraces.SourceName, DiagnosticHeaders.DefaultListenerName)
                .AddNpgsql())
            .WithMetrics(metrics => metrics
                .AddMeter(ProcessorMetrics.MeterName, InstrumentationOptions.MeterName, "Npgsql")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 })
        {
            telemetry.UseOtlpExporter();
            builder.Logging.AddOpenTelemetry(logging => logging.IncludeScopes = true);
        }
    }
}
