using System.Diagnostics.Metrics;
using MassTransit.Logging;
using MassTransit.Monitoring;
using Npgsql;
using OpenTelemetry.Metrics;
using Platform.ServiceDefaults.Telemetry;

namespace Processor.Worker.Hosting;

internal static class TelemetrySetup
{
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ProcessorMetrics>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ProcessorMetrics>());
        builder.AddTelemetryDefaults(
            service: "processor-worker",
            meter: ProcessorMetrics.MeterName,
            metrics => metrics
                .AddMeter(InstrumentationOptions.MeterName, "Npgsql")
                .AddView(instrument => IsFitForPrometheus(instrument) ? null : MetricStreamConfiguration.Drop),
            tracing => tracing.AddSource(ProcessorTraces.SourceName, DiagnosticHeaders.DefaultListenerName).AddNpgsql());
    }

    // Prometheus expects seconds, and counters that only increase; some MassTransit metrics are in milliseconds, and some counters
    // decrease.
    private static bool IsFitForPrometheus(Instrument instrument) =>
        instrument.Meter.Name != InstrumentationOptions.MeterName
        || (instrument.Unit != "ms" && !instrument.Name.EndsWith(".active", StringComparison.Ordinal));
}
