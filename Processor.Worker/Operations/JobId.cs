using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;

namespace Processor.Worker.Operations;

/// <summary>
/// A job's id as a path segment. An id may contain any character, so the raw segment is decoded exactly once. With routing on Kestrel's
/// path, <c>a%2Fb</c> and <c>a%252Fb</c> would be the same id, and <c>..</c> would disappear.
/// </summary>
internal readonly record struct JobId(string Value)
{
    /// <summary>Decodes a percent-encoded segment. False when it is not UTF-8 or not encoded correctly.</summary>
    public static bool TryParse([NotNullWhen(true)] string? segment, out JobId id)
    {
        id = new JobId(Uri.UnescapeDataString(segment ?? ""));
        // Sequences that cannot be decoded keep their percent sign.
        return segment is not null && id.Value.AsSpan().Count('%') == segment.AsSpan().Count("%25");
    }

    /// <summary>Routes requests below a prefix by their raw target, neither decoded nor normalised. Must run before routing.</summary>
    public static Task RouteAsSentAsync(HttpContext http, RequestDelegate next, string prefix)
    {
        var path = TargetPath(http);
        // Also when only Kestrel's path has the prefix: a path with dot segments must not bypass this.
        if (path.StartsWithSegments(prefix) || http.Request.Path.StartsWithSegments(prefix))
        {
            http.Request.Path = path;
        }

        return next(http);
    }

    private static PathString TargetPath(HttpContext http)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        // A proxy sends an absolute URL; OPTIONS may have *, and CONNECT a host.
        var scheme = target.IndexOf("://", StringComparison.Ordinal);
        var start = target.StartsWith('/') ? 0 : scheme < 0 ? -1 : target.IndexOf('/', scheme + 3);
        // The constructor keeps the text; every other conversion to PathString decodes it.
        return new PathString(start < 0 ? "/" : target[start..].Split('?', 2)[0]);
    }
}
