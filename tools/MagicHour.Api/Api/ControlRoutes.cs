using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Platform.Simulator.Api;

/// <summary>The routes by which a test or a person decides what happens at Magic Hour. They need no key.</summary>
internal sealed class ControlRoutes(SimulatedMagicHour magicHour, TimeProvider time)
{
    public void Map(IEndpointRouteBuilder app)
    {
        var control = app.MapGroup("/control");
        MapJobs(control);
        MapApi(control);
    }

    private void MapJobs(RouteGroupBuilder control)
    {
        control.MapGet("/jobs", () => magicHour.Jobs.All.Select(Describe));
        control.MapGet("/jobs/{id}", (string id) => With(id, job => Results.Ok(Describe(job))));
        control.MapPut("/jobs/{id}/fate", (string id, JobFate fate) => With(id, job =>
        {
            job.Fate = fate;
            return Results.Ok(Describe(job));
        }));
        control.MapPost("/jobs/{id}/cancel", (string id) => With(id, job => Done(job.Cancel(time.GetUtcNow()))));
        control.MapPost("/jobs/{id}/delete", (string id) => With(id, job => Done(job.Delete(time.GetUtcNow()))));
        control.MapPost("/fates", (JobFate fate) => magicHour.Jobs.Expect(fate));
        control.MapGet("/shares", () => magicHour.Jobs.Shares);
        control.MapPut("/shares", (FateShares shares) => magicHour.Jobs.Shares = shares);
    }

    private void MapApi(RouteGroupBuilder control)
    {
        control.MapGet("/webhook", () => magicHour.Webhook);
        control.MapPut("/webhook", (WebhookSettings webhook) => magicHour.Webhook = webhook);
        control.MapPost("/webhook/disable", () => magicHour.Webhook = magicHour.Webhook with { Enabled = false });
        control.MapPost("/webhook/enable", () => magicHour.Webhook = magicHour.Webhook with { Enabled = true });
        control.MapPut("/key", (NewKey key) => { magicHour.ApiKey = key.Key; });
        control.MapGet("/switches", () => magicHour.Switches);
        control.MapPut("/switches", (ApiSwitches switches) => magicHour.Switches = switches);
        control.MapGet("/faults", () => magicHour.Faults.All);
        control.MapPost("/faults", (FaultRule fault) => magicHour.Faults.Add(fault));
        control.MapDelete("/faults", () => magicHour.Faults.Clear());
        control.MapGet("/calls", () => magicHour.Calls.Report());
        control.MapDelete("/calls", () => magicHour.Calls.Clear());
    }

    private IResult With(string id, Func<SimulatedJob, IResult> action) =>
        magicHour.Jobs.TryFind(id, out var job) ? action(job) : Results.NotFound();

    private static IResult Done(bool done) => done ? Results.NoContent() : Results.Conflict();

    private JobState Describe(SimulatedJob job) => new(
        job.Id, job.Tool.Kind, job.Tool.Path, job.StatusAt(time.GetUtcNow()), job.IsDeletedAt(time.GetUtcNow()),
        job.CreatedAt, job.StartsAt, job.EndsAt, job.Fate, job.Events);

    private sealed record NewKey(string Key);

    private sealed record JobState(
        string Id, string Kind, string Tool, JobStatus Status, bool Deleted, DateTimeOffset CreatedAt, DateTimeOffset StartsAt, DateTimeOffset EndsAt,
        JobFate Fate, IReadOnlyList<JobEvent> Events);
}
