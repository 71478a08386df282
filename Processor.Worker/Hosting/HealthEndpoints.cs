using Processor.Worker.Events;
using Processor.Worker.Inbox;

namespace Processor.Worker.Hosting;

internal static class HealthEndpoints
{
    /// <summary>
    /// <c>/health/live</c>: a restart would not help it. <c>/health/ready</c>: it consumes, or has no role that does; there is no traffic
    /// that it would keep away, so it only tells a rollout when to go on.
    /// </summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", async (CancellationToken cancellationToken) =>
            app.Services.GetService<Progress>() is { } progress && await progress.IsStuckAsync(cancellationToken)
                ? Unhealthy("There is work and the database answers, but nothing has been done for a minute and a half.")
                : Results.Text("live"));
        app.MapGet("/health/ready", () => app.Services.GetService<Consumption>() is { IsAttached: false }
            ? Unhealthy("Waiting for schema, topology or broker.")
            : Results.Text("ready"));
    }

    private static IResult Unhealthy(string why) => Results.Problem(why, statusCode: StatusCodes.Status503ServiceUnavailable);
}
