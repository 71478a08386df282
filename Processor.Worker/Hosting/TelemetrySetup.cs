using System.Diagnostics.Metrics;
using MassTransit.Logging;
using MassTransit.Monitoring;
using Npgsql;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Processor.Worker.Hosting;

internal static class TelemetrySetup
{
    /// <summary>Traces, metrics and logs. They leave by OTLP when there is an endpoint for them, and not otherwise.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ProcessorMetrics>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ProcessorMetrics>());
        builder.Services.AddHostedService<DroppedTelemetry>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(builder.Configuration["OTEL_SERVICE_NAME"] ?? "processor-worker")
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics
                .AddMeter(ProcessorMetrics.MeterName, InstrumentationOptions.MeterName, "Npgsql")
                .AddView(instrument => IsFitForPrometheus(instrument) ? null : MetricStreamConfiguration.Drop)
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        // Otherwise no spans are made, for nobody would see them; the trace id of an event is stored all the same.
        if (builder.Exports("TRACES"))
        {
            telemetry.WithTracing(tracing => tracing
                .AddSource(ProcessorTraces.SourceName, DiagnosticHeaders.DefaultListenerName)
                .AddNpgsql()
                .AddCountedExporter(builder.EndpointFor("TRACES")));
        }

        if (builder.Exports("METRICS"))
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter(builder.EndpointFor("METRICS")));
        }

        if (builder.Exports("LOGS"))
        {
            telemetry.WithLogging(
                logging => logging.AddCountedExporter(builder.EndpointFor("LOGS")),
                logger => (logger.IncludeScopes, logger.IncludeFormattedMessage) = (true, true));
        }
    }

    // What promtool refuses: gauges that are named like the count of a histogram, and MassTransit's milliseconds. And of MassTransit the
    // counters that go down. README lists them.
    private static bool IsFitForPrometheus(Instrument instrument) =>
        !instrument.Name.EndsWith(".count", StringComparison.Ordinal)
        && (instrument.Meter.Name != InstrumentationOptions.MeterName
            || (instrument.Unit != "ms" && !instrument.Name.EndsWith(".active", StringComparison.Ordinal)));

    /// <summary>There is an endpoint, for everything or for this signal, and <c>OTEL_..._EXPORTER</c> does not say <c>none</c>.</summary>
    private static bool Exports(this WebApplicationBuilder builder, string signal) =>
        (builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 }
            || builder.ReadEndpoint(signal) is not null)
        && builder.Configuration[$"OTEL_{signal}_EXPORTER"] is not "none";

    // The library itself reads the endpoint of one signal only when all signals are exported.
    private static Action<OtlpExporterOptions> EndpointFor(this WebApplicationBuilder builder, string signal) =>
        otlp =>
        {
            // Setting it, even to what it is, would leave out the path of the signal.
            if (builder.ReadEndpoint(signal) is { } endpoint)
            {
                otlp.Endpoint = endpoint;
            }
        };

    private static Uri? ReadEndpoint(this WebApplicationBuilder builder, string signal) =>
        Uri.TryCreate(builder.Configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"], UriKind.Absolute, out var endpoint) ? endpoint : null;
}
