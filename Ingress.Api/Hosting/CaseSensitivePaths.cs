namespace Ingress.Api.Hosting;

internal static class CaseSensitivePaths
{
    /// <summary>
    /// Makes paths case-sensitive, as in load balancers: a path that works without a load balancer must also work behind one. A trailing
    /// slash makes no difference, here or in the load balancers that the platform ships.
    /// </summary>
    public static void UseCaseSensitivePaths(this WebApplication app) => app.Use((http, next) =>
    {
        // All routes are lower-case, but routing ignores case.
        if (http.Request.Path.Value.AsSpan().ContainsAnyInRange('A', 'Z'))
        {
            http.SetEndpoint(null);
        }

        return next(http);
    });
}
