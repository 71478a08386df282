using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Platform.Simulator.Api;

/// <summary>The routes of Magic Hour's API: creating jobs, and asking for, and deleting, their projects.</summary>
internal sealed partial class ApiRoutes(
    JobRegistry jobs, JobEvents events, ProjectAnswer projects, Func<ApiSwitches> switches, TimeProvider time, ILogger<ApiRoutes> logger)
{
    public void Map(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/{tool}", CreateAsync);
        foreach (var kind in (string[])["video", "image", "audio"])
        {
            app.MapGet($"/v1/{kind}-projects/{{id}}", (string id, HttpContext http) => Get(kind, id, http));
            app.MapDelete($"/v1/{kind}-projects/{{id}}", (string id) => Delete(kind, id));
        }

        app.MapGet("/v1/account", () => Results.Json(new { id = "simulated-account", tier = "pro", credits = 100_000 }));
    }

    private async Task<IResult> CreateAsync(string tool, HttpContext http)
    {
        if (ToolCatalog.Find(tool) is not { } known)
        {
            return Error(404);
        }

        if (await CreateRequest.ReadAsync(known, http.Request.Body, http.RequestAborted) is not { } request)
        {
            return Error(400);
        }

        var job = jobs.Create(request);
        http.Items[typeof(SimulatedJob)] = job;
        events.Follow(job);
        LogCreated(tool, job.Id, job.EndsAt - job.CreatedAt);
        return Results.Json(DescribeCreated(job));
    }

    private Dictionary<string, object> DescribeCreated(SimulatedJob job)
    {
        var credits = ProjectAnswer.EstimateCredits(job);
        var created = new Dictionary<string, object> { ["id"] = job.Id, ["credits_charged"] = credits };
        // Audio has no old name for its cost.
        if (switches().DeprecatedFields && job.Tool.Kind != "audio")
        {
            created[job.Tool.Kind == "video" ? "estimated_frame_cost" : "frame_cost"] = credits;
        }

        return created;
    }

    private IResult Get(string kind, string id, HttpContext http)
    {
        var now = time.GetUtcNow();
        if (Find(kind, id) is not { } job || (job.IsDeletedAt(now) && switches().Deleted is DeletedAnswer.NotFound))
        {
            return Error(404);
        }

        return new ProjectResult(projects.Create(job, now), (http.Items[typeof(FaultRule)] as FaultRule)?.Kind);
    }

    private IResult Delete(string kind, string id) => Find(kind, id)?.Delete(time.GetUtcNow()) is true ? Results.NoContent() : Error(404);

    private SimulatedJob? Find(string kind, string id) => jobs.TryFind(id, out var job) && job.Tool.Kind == kind ? job : null;

    private IResult Error(int status) => ErrorAnswer.Create(status, switches().Errors);

    [LoggerMessage(LogLevel.Information, "Created {Tool} {JobId}, which ends in {Duration}")]
    private partial void LogCreated(string tool, string jobId, TimeSpan duration);
}
