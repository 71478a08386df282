using Ingress.Api.Publishing;

namespace Ingress.Api.Hosting;

internal static class HealthEndpoints
{
    // Some load balancers and uptime monitors send only HEAD.
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>
    /// <c>/health</c>, public: the process serves requests. <c>/health/live</c>, for Kubernetes: fails when a restart is needed.
    /// <c>/health/ready</c>: the queue has been seen at least once. A broker outage must not remove all replicas from the load balancer at
    /// once, because 503 with <c>Retry-After</c> is the better answer.
    /// </summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapMethods("/health", Methods, (TimeProvider time) => TypedResults.Ok(new Health("healthy", time.GetUtcNow().ToUnixTimeSeconds())));
        app.MapMethods("/health/live", Methods, (PublishWatchdog watchdog) =>
            watchdog.IsStuck ? Unhealthy("The broker answers, but has not answered a publish of this process for a minute.") : Results.Text("live"));
        app.MapMethods("/health/ready", Methods, (BrokerHealth broker) =>
            broker.HasSeenQueue ? Results.Text("ready") : Unhealthy($"The queue has not been seen yet; the broker is {broker.State}."));
    }

    private static IResult Unhealthy(string why) => Results.Problem(why, statusCode: StatusCodes.Status503ServiceUnavailable);

    /// <param name="Timestamp">Seconds since 1970.</param>
    internal sealed record Health(string Status, long Timestamp);
}
