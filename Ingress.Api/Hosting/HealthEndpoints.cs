using Ingress.Api.Publishing;

namespace Ingress.Api.Hosting;

internal static class HealthEndpoints
{
    /// <summary>
    /// <c>/health</c>: the process serves, for the world to see. <c>/health/live</c>: a restart would not help it, for Kubernetes.
    /// <c>/health/ready</c>: the queue has been there once; a broker outage does not make all replicas leave the load balancer together,
    /// because 503 with <c>Retry-After</c> is the better answer.
    /// </summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health", (TimeProvider time) => TypedResults.Ok(new Health("healthy", time.GetUtcNow().ToUnixTimeSeconds())));
        app.MapGet("/health/live", (PublishWatchdog watchdog) =>
            watchdog.IsStuck ? Unhealthy("The broker answers, but has not answered a publish of this process for a minute.") : Results.Text("live"));
        app.MapGet("/health/ready", (BrokerMonitor broker) =>
            broker.HasSeenQueue ? Results.Text("ready") : Unhealthy($"The queue has not been seen yet; the broker is {broker.State}."));
    }

    private static IResult Unhealthy(string why) => Results.Problem(why, statusCode: StatusCodes.Status503ServiceUnavailable);

    /// <param name="Timestamp">Seconds since 1970.</param>
    internal sealed record Health(string Status, long Timestamp);
}
