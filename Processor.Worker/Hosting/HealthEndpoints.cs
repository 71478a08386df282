using Processor.Worker.Consumers;
using Processor.Worker.Inbox;
using Processor.Worker.Migrate;

namespace Processor.Worker.Hosting;

internal static class HealthEndpoints
{
    // Some load balancers and uptime monitors send only HEAD requests.
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>
    /// <c>/health/live</c>: fails only when a restart would help. <c>/health/ready</c>: succeeds once every role has been able to work: the
    /// database has accepted the credentials and has the schema, and a process that consumes is attached to its queues. A later outage does
    /// not revoke readiness: it would take all replicas out of rotation together.
    /// </summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapMethods("/health/live", Methods, (CancellationToken cancellationToken) => CheckLiveAsync(app.Services, cancellationToken));
        app.MapMethods("/health/ready", Methods, () => CheckReady(app.Services));
    }

    private static IResult CheckReady(IServiceProvider services)
    {
        if (!services.GetRequiredService<MigrationGate>().HasSeenSchema)
        {
            return Unhealthy("Waiting for the database and its schema.");
        }

        return services.GetServices<QueueConsumer>().Any(consumer => !consumer.IsAttached)
            ? Unhealthy("Waiting for the broker and its topology.")
            : Results.Text("ready");
    }

    private static async Task<IResult> CheckLiveAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        if (services.GetService<ConsumerWatchdog>() is { IsLost: true })
        {
            return Unhealthy("Events have waited too long in a queue without a consumer, though this worker believes it consumes.");
        }

        return services.GetService<CommitWatchdog>() is { } watchdog && await watchdog.IsStuckAsync(cancellationToken)
            ? Unhealthy("There is work and the database answers, but nothing has been committed for a minute and a half.")
            : Results.Text("live");
    }

    private static IResult Unhealthy(string why) => Results.Problem(why, statusCode: StatusCodes.Status503ServiceUnavailable);
}
