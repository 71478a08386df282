using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Platform.ServiceDefaults.Hosting;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>Traces, metrics and logs of both services.</summary>
public static class TelemetryDefaults
{
    /// <summary>
    /// Serves metrics for Prometheus, and exports traces, metrics and logs by OTLP when there is an endpoint for them (<c>OTEL_*</c>).
    /// Without an endpoint no spans are created; requests and events still have trace ids.
    /// </summary>
    /// <param name="service">The service's name, unless <c>OTEL_SERVICE_NAME</c> sets it.</param>
    /// <param name="meter">The service's own meter.</param>
    /// <param name="configureMetrics">Adds the service's meters and views.</param>
    /// <param name="configureTraces">Adds the service's sources of spans.</param>
    public static void AddTelemetryDefaults(
        this WebApplicationBuilder builder,
        string service,
        string meter,
        Action<MeterProviderBuilder> configureMetrics,
        Action<TracerProviderBuilder> configureTraces)
    {
        builder.Services.AddSingleton(provider => new DroppedTelemetry(provider.GetRequiredService<IMeterFactory>(), meter));
        builder.Services.AddHostedService(provider => provider.GetRequiredService<DroppedTelemetry>());
        builder.Services.AddHostedService<DroppedTelemetryLog>();
        builder.Services.AddSingleton<DistributedContextPropagator, NoForeignContext>();
        OtlpSettings.ApplyToEnvironment(builder.Configuration);
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(
                    builder.Configuration["OTEL_SERVICE_NAME"] is { Length: > 0 } named ? named : service, serviceVersion: BuildVersion.Text)
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(meter).AddView(instrument => IsFitForPrometheus(instrument) ? null : MetricStreamConfiguration.Drop);
                configureMetrics(metrics);
                metrics.AddRuntimeInstrumentation().AddPrometheusExporter();
            });
        if (builder.Configuration.Exports("TRACES"))
        {
            telemetry.WithTracing(tracing =>
            {
                configureTraces(tracing);
                tracing.AddCountedExporter();
            });
        }

        if (builder.Configuration.Exports("METRICS"))
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter(otlp => builder.Configuration.ApplySignal("METRICS", otlp)));
        }

        if (builder.Configuration.Exports("LOGS"))
        {
            telemetry.WithLogging(
                logging => logging.AddCountedExporter(),
                logger => (logger.IncludeScopes, logger.IncludeFormattedMessage) = (true, true));
        }
    }

    // promtool rejects gauges whose name ends like the count of a histogram.
    private static bool IsFitForPrometheus(Instrument instrument) => !instrument.Name.EndsWith(".count", StringComparison.Ordinal);
}
