using Processor.Worker.Events;

namespace Processor.Worker.Hosting;

internal static class HealthEndpoints
{
    /// <summary>Live: the process serves. Ready: it consumes, or has no role that does.</summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", () => TypedResults.Text("live"));
        app.MapGet("/health/ready", () => app.Services.GetServices<Consumption>().Any(consumption => !consumption.IsAttached)
            ? Results.Problem("Waiting for schema, topology or broker.", statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Text("ready"));
    }
}
