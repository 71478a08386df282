using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Net.Http.Headers;

namespace Processor.Worker.Hosting;

internal static class HeaderSetup
{
    /// <summary>Accepts requests with header values that are not UTF-8.</summary>
    public static void AcceptForeignHeaders(this WebApplicationBuilder builder) => builder.Services.Configure<KestrelServerOptions>(kestrel =>
        // As in the ingress: proxies add such headers, and Kestrel would answer 400. Keys are read as UTF-8.
        kestrel.RequestHeaderEncodingSelector =
            name => name.Equals(HeaderNames.Authorization, StringComparison.OrdinalIgnoreCase) ? null : Encoding.Latin1);
}
