using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Hosting;

/// <summary>
/// A separate listener for probes and metrics (<c>Ingress__ManagementUrl</c>). Its connections do not count towards
/// <c>Ingress__MaxConnections</c>, so it answers even when strangers hold all of those. It does not serve webhooks.
/// </summary>
internal static class ManagementListener
{
    private const string Setting = $"{IngressOptions.Section}:{nameof(IngressOptions.ManagementUrl)}";
    private const string Endpoints = "Kestrel:Endpoints";

    /// <summary>Adds the listener. Call this after everything else that sets listen addresses.</summary>
    public static void AddManagementListener(this WebApplicationBuilder builder)
    {
        if (builder.Configuration[Setting] is not { Length: > 0 } url)
        {
            return;
        }

        if (builder.Configuration.GetSection(Endpoints).GetChildren().Any())
        {
            // Endpoints take precedence over URLs.
            builder.Configuration[$"{Endpoints}:{nameof(ManagementListener)}:Url"] = url;
            return;
        }

        builder.WebHost.UseUrls(url, builder.Configuration[WebHostDefaults.ServerUrlsKey]!);
    }

    /// <summary>Reports a port that another listener already uses; empty when there is no conflict.</summary>
    public static IEnumerable<string> FindErrors(IConfiguration configuration)
    {
        if (configuration[Setting] is not { } url || IngressOptions.ReadPort(url) is not { } port)
        {
            return [];
        }

        var others = ListenAddresses.ReadUrls(configuration).ToList();
        others.Remove(url);
        return others
            .Where(other => IngressOptions.ReadPort(other) == port)
            .Select(other => $"{Setting.Replace(":", "__", StringComparison.Ordinal)}: '{url}' has the port of {other}; it needs one of its own.");
    }

    public static void UseManagementListener(this WebApplication app)
    {
        var port = IngressOptions.ReadPort(app.Services.GetRequiredService<IOptions<IngressOptions>>().Value.ManagementUrl);
        app.Use((http, next) =>
        {
            if (http.Connection.LocalPort == port && http.Request.Path.StartsWithSegments("/webhook"))
            {
                http.SetEndpoint(null);
            }

            return next(http);
        });
    }
}
