using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Platform.ServiceDefaults.Telemetry;

namespace Ingress.Api.Hosting;

internal static class TelemetrySetup
{
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IngressMetrics>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<IngressMetrics>());
        // With any other propagator, the instrumentation looks for a parent by itself.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        builder.AddTelemetryDefaults(
            service: "ingress-api",
            meter: IngressMetrics.MeterName,
            metrics => metrics.AddAspNetCoreInstrumentation(),
            tracing => tracing.AddSource(IngressTraces.SourceName).AddAspNetCoreInstrumentation(http =>
            {
                http.Filter = request => request.Request.Path.Value is "/webhook" or "/webhook/";
                http.EnrichWithHttpRequest = LinkToCaller;
            }));
    }

    // A traceparent from outside becomes a link, never the parent; a tracestate is dropped (NoForeignContext).
    private static void LinkToCaller(Activity activity, HttpRequest request)
    {
        // The webhook has no query. The library redacts query values but not their names, which the caller chooses too.
        activity.SetTag("url.query", null);
        if (ActivityContext.TryParse(request.Headers.TraceParent, traceState: null, isRemote: true, out var caller))
        {
            activity.AddLink(new ActivityLink(caller));
        }
    }
}
