using Microsoft.AspNetCore.Http.Features;

namespace Ingress.Api.Hosting;

internal static class UnambiguousRequests
{
    // When both are sent, Kestrel uses the transfer encoding and keeps the content length under this name.
    private const string OverriddenContentLength = "X-Content-Length";

    private const string Chunked = "chunked";

    private const string Detail = "A request must have one length, no transfer encoding but chunked, no trailers, and a target without a host.";

    /// <summary>
    /// Rejects, before any other processing, requests that an upstream proxy may have parsed differently, and closes the connection: the
    /// bytes that follow may be a smuggled request.
    /// </summary>
    /// <remarks>
    /// Kestrel itself rejects most of these: a second length, folded headers, bare line feeds, a target that differs from the host.
    /// </remarks>
    public static void UseUnambiguousRequests(this WebApplication app)
    {
        var rejected = app.Services.GetRequiredService<RejectedRequests>();
        app.Use((http, next) => IsUnambiguous(http) ? next(http) : RejectAsync(http, rejected));
    }

    private static Task RejectAsync(HttpContext http, RejectedRequests rejected)
    {
        rejected.Count(StatusCodes.Status400BadRequest, http.Connection.RemoteIpAddress, Detail);
        http.Response.Headers.Connection = "close";
        return TypedResults.Problem(Detail, statusCode: StatusCodes.Status400BadRequest).ExecuteAsync(http);
    }

    private static bool IsUnambiguous(HttpContext http)
    {
        var headers = http.Request.Headers;
        var hasTwoLengths = headers.TransferEncoding.Count > 0 && (headers.ContentLength is not null || headers.ContainsKey(OverriddenContentLength));
        // Kestrel accepts any list that ends in chunked, but decodes only chunked.
        var isPlain = headers.TransferEncoding.Count == 0 || string.Equals(headers.TransferEncoding, Chunked, StringComparison.OrdinalIgnoreCase);
        var hasPlainTarget = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is ['/', ..];
        return hasPlainTarget && !hasTwoLengths && isPlain && headers.Trailer.Count == 0;
    }
}
