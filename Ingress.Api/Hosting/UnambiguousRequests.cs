using Microsoft.AspNetCore.Http.Features;

namespace Ingress.Api.Hosting;

internal static class UnambiguousRequests
{
    // Kestrel goes by the transfer encoding and leaves the length under this name.
    private const string OverriddenContentLength = "X-Content-Length";

    /// <summary>
    /// Refuses, before anything else is looked at, what a proxy before us may have read as another request, and closes the connection:
    /// what follows on it may be somebody's smuggled request.
    /// </summary>
    /// <remarks>Kestrel itself refuses most of it: a second length, folded headers, bare line feeds, a target that is not the host.</remarks>
    public static void UseUnambiguousRequests(this WebApplication app) => app.Use((http, next) =>
    {
        if (IsUnambiguous(http))
        {
            return next(http);
        }

        http.Response.Headers.Connection = "close";
        return TypedResults
            .Problem("A request must have one length, and a target without a host.", statusCode: StatusCodes.Status400BadRequest)
            .ExecuteAsync(http);
    });

    private static bool IsUnambiguous(HttpContext http)
    {
        var headers = http.Request.Headers;
        var hasTwoLengths = headers.TransferEncoding.Count > 0 && (headers.ContentLength is not null || headers.ContainsKey(OverriddenContentLength));
        var hasPlainTarget = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is ['/', ..];
        return hasPlainTarget && !hasTwoLengths;
    }
}
