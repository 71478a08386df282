using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Ingress.Api.Hosting;

internal static class TelemetrySetup
{
    /// <summary>Traces, metrics and logs. They leave by OTLP when there is an endpoint for them, and not otherwise.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IngressMetrics>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<IngressMetrics>());
        builder.Services.AddHostedService<DroppedTelemetry>();
        builder.Services.AddSingleton<DistributedContextPropagator, NoParentFromOutside>();
        // The instrumentation looks for a parent by itself, unless the propagator is this one.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(builder.Configuration["OTEL_SERVICE_NAME"] ?? "ingress-api")
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics
                .AddMeter(IngressMetrics.MeterName)
                .AddView(instrument => IsFitForPrometheus(instrument) ? null : MetricStreamConfiguration.Drop)
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        // Otherwise no spans are made, for nobody would see them. Every request has its trace id all the same, and its event carries it.
        if (builder.Exports("TRACES"))
        {
            telemetry.WithTracing(tracing => tracing
                .AddSource(IngressTraces.SourceName)
                .AddAspNetCoreInstrumentation(http =>
                {
                    http.Filter = request => request.Request.Path == "/webhook";
                    http.EnrichWithHttpRequest = LinkToCaller;
                })
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

    // What promtool refuses: gauges that are named like the count of a histogram. README lists them.
    private static bool IsFitForPrometheus(Instrument instrument) => !instrument.Name.EndsWith(".count", StringComparison.Ordinal);

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

    private static void LinkToCaller(Activity activity, HttpRequest request)
    {
        if (ActivityContext.TryParse(request.Headers.TraceParent, request.Headers.TraceState, isRemote: true, out var caller))
        {
            activity.AddLink(new ActivityLink(caller));
        }
    }

    /// <summary>
    /// A <c>traceparent</c> from outside is a link, never the parent: a stranger must not choose our trace ids, nor whether we sample.
    /// </summary>
    private sealed class NoParentFromOutside : DistributedContextPropagator
    {
        public override IReadOnlyCollection<string> Fields => [];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
        {
        }

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
            traceId = traceState = null;

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}
