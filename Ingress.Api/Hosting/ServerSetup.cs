using Ingress.Api.Webhooks;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Ingress.Api.Hosting;

internal static class ServerSetup
{
    /// <summary>What the server lets in before any code of ours runs.</summary>
    public static void AddServer(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<IngressOptions>>((kestrel, ingress) =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ingress.Value.MaxConnections;
            // The sender's requests have about ten headers and under 1 KiB of them.
            kestrel.Limits.MaxRequestHeaderCount = 64;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            // Nothing but /webhook takes a body, and it counts for itself.
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            // Longer than a load balancer keeps an idle connection (60 s): the balancer must be the one to close it.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        });
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<IngressOptions>>((forwarded, ingress) =>
        {
            // With no proxy to trust the middleware would trust everyone.
            forwarded.ForwardedHeaders = ingress.Value.TrustedProxies.Length > 0 ? ForwardedHeaders.XForwardedFor : ForwardedHeaders.None;
            forwarded.ForwardLimit = 1;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in ingress.Value.TrustedProxies)
            {
                if (IngressOptions.TryReadProxy(proxy, out var network))
                {
                    forwarded.KnownIPNetworks.Add(network);
                }
            }
        });
        builder.Services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context =>
        {
            // Where nobody is known, nothing is told: not even where to look.
            if (context.ProblemDetails.Status is StatusCodes.Status401Unauthorized)
            {
                context.ProblemDetails.Extensions.Remove("traceId");
            }
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
    }

    /// <summary>Whatever is not 2xx is a problem details, unhandled exceptions included.</summary>
    public static void UseProblemDetails(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            // A body that stalls or breaks off is the server's own verdict on the request, not a fault of ours.
            StatusCodeSelector = exception => exception is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError,
            // And not an error that someone must look at: anyone can send such a body.
            SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException,
        });
        app.UseStatusCodePages();
    }
}
