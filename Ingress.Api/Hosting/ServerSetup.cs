using System.Text;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Hosting;

namespace Ingress.Api.Hosting;

internal static class ServerSetup
{
    /// <summary>Configures the limits that the server applies before the platform's own code runs.</summary>
    public static void AddServer(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<IngressOptions>, ConnectionLimit>((kestrel, ingress, connections) =>
        {
            var managementPort = IngressOptions.ReadPort(ingress.Value.ManagementUrl);
            kestrel.ConfigureEndpointDefaults(endpoint =>
            {
                // With HTTP/2, one connection could carry a hundred concurrent requests.
                endpoint.Protocols = HttpProtocols.Http1;
                if (managementPort is null || endpoint.IPEndPoint?.Port != managementPort)
                {
                    endpoint.Use(next => connection => connections.RunAsync(connection, next));
                }
            });
            kestrel.AddServerHeader = false;
            // Proxies add headers with bytes that are not UTF-8 (a city, a user agent), and Kestrel would answer 400 before the platform's
            // own code runs. Every byte is a valid Latin-1 character, and Kestrel still rejects NUL with this encoding.
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
            // The sender's requests have about ten headers and under 1 KiB of header text. A
            // connection can hold as much as these limits allow, at two bytes per character, and there
            // can be Ingress__MaxConnections of them: tests check the sum against the pod's memory.
            kestrel.Limits.MaxRequestHeaderCount = 64;
            kestrel.Limits.MaxRequestHeadersTotalSize = 8 * 1024;
            kestrel.Limits.MaxRequestLineSize = 2 * 1024;
            // Received but unread data, and responses the client has not fetched. The defaults are 1 MB and 64 KiB.
            kestrel.Limits.MaxRequestBufferSize = 8 * 1024;
            kestrel.Limits.MaxResponseBufferSize = 4 * 1024;
            kestrel.Limits.RequestHeadersTimeout = ingress.Value.ReceiveHalfTimeout;
            // Only /webhook takes a body, and it enforces its own limit.
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            // Longer than a load balancer keeps an idle connection (60 s), so that the load balancer closes it first.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        });
        // With ASPNETCORE_FORWARDEDHEADERS_ENABLED, ASP.NET Core would trust
        // X-Forwarded-For from anyone; ClientAddress trusts only the configured proxies.
        builder.Services.Configure<ForwardedHeadersOptions>(forwarded => forwarded.ForwardedHeaders = ForwardedHeaders.None);
        builder.Services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context =>
        {
            // Unauthenticated callers get no details, not even a trace id.
            if (context.ProblemDetails.Status is StatusCodes.Status401Unauthorized)
            {
                context.ProblemDetails.Extensions.Remove("traceId");
            }
        });
        builder.Services.AddSingleton<ConnectionLimit>();
        builder.Services.AddSingleton<RejectedRequests>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<RejectedRequests>());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
    }

    /// <summary>Turns every non-2xx response into problem details, including unhandled exceptions.</summary>
    public static void UseProblemDetails(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            StatusCodeSelector = exception => ClientFault.FindStatus(exception) ?? StatusCodes.Status500InternalServerError,
            SuppressDiagnosticsCallback = ClientFault.IsCause,
        });
        app.UseStatusCodePages();
    }
}
