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
        app.MapGet("/health/live", (CancellationToken cancellationToken) => CheckLiveAsync(app.Services, cancellationToken));
        app.MapGet("/health/ready", () => app.Services.GetServices<Consumption>().Any(consumption => !consumption.IsAttached)
            ? Unhealthy("Waiting for schema, topology or broker.")
            : Results.Text("ready"));
    }

    private static async Task<IResult> CheckLiveAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        if (services.GetService<Attachment>() is { IsLost: true })
        {
            return Unhealthy("Events have waited for long in a queue to which nobody is attached, though this worker believes to be.");
        }

        return services.GetService<Progress>() is { } progress && await progress.IsStuckAsync(cancellationToken)
            ? Unhealthy("There is work and the database answers, but nothing has been done for a minute and a half.")
            : Results.Text("live");
    }

    private static IResult Unhealthy(string why) => Results.Problem(why, statusCode: StatusCodes.Status503ServiceUnavailable);
}
