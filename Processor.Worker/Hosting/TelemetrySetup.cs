using MassTransit.Logging;
using MassTransit.Monitoring;
using Npgsql;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Processor.Worker.Hosting;

internal static class TelemetrySetup
{
    /// <summary>Traces, metrics and logs. They leave by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, and not otherwise.</summary>
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
        if (builder.Exports("TRACES"))
        {
            telemetry.WithTracing(tracing => tracing.AddOtlpExporter());
        }

        if (builder.Exports("METRICS"))
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter());
        }

        if (builder.Exports("LOGS"))
        {
            telemetry.WithLogging(logging => logging.AddOtlpExporter(), logger => logger.IncludeScopes = true);
        }
    }

    /// <summary>There is an endpoint, and <c>OTEL_..._EXPORTER</c> does not say <c>none</c>.</summary>
    private static bool Exports(this WebApplicationBuilder builder, string signal) =>
        builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 }
        && builder.Configuration[$"OTEL_{signal}_EXPORTER"] is not "none";
}
