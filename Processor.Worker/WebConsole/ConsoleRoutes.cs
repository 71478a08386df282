using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Processor.Worker.Audit;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>The pages and forms of the console: what each needs and does.</summary>
internal static class ConsoleRoutes
{
    private const int MaxFormBytes = 64 * 1024;
    private const string EventPath = "/events/{id:guid}";
    private const string ReplayPath = "/replays/{id:guid}";

    private static readonly byte[] Style = Read("console.css");
    private static readonly byte[] Script = Read("console.js");

    public static void MapConsoleRoutes(this WebApplication app, bool hasProvider)
    {
        var group = app.MapGroup(Links.Root).ExcludeFromDescription().WithMetadata(new RequestSizeLimitAttribute(MaxFormBytes));
        var open = group.MapGroup("").WithMetadata(new WithoutSession());
        open.MapGet("/style.css", http => TypedResults.Bytes(Style, "text/css").ExecuteAsync(http));
        open.MapGet("/console.js", http => TypedResults.Bytes(Script, "text/javascript").ExecuteAsync(http));
        open.MapGet("/sign-in", http => http.RequestServices.GetRequiredService<SignInEndpoint>().Open(http).ExecuteAsync(http));
        open.MapPost("/sign-in", http => http.RequestServices.GetRequiredService<SignInEndpoint>().SignIn(http).ExecuteAsync(http));
        open.MapPost("/sign-out", http => http.RequestServices.GetRequiredService<SignInEndpoint>().SignOut(http).ExecuteAsync(http));
        if (hasProvider)
        {
            open.MapGet("/sign-in/provider", http => http.RequestServices.GetRequiredService<OidcSignIn>().OpenAsync(http));
            open.MapGet("/sign-out/provider", http => http.RequestServices.GetRequiredService<OidcSignIn>().SignOutAsync(http));
        }

        group.MapPage<OverviewPage>("").Require(Rights.Read);
        group.MapPage<LivePage>("/live").Require(Rights.Read);
        group.MapGet("/live/stream", async http =>
        {
            var streams = http.RequestServices.GetRequiredService<StreamEndpoints>();
            await (await streams.StreamEventsAsync(http, http.RequestAborted)).ExecuteAsync(http);
        }).Require(Rights.Read);
        group.MapPage<EventsPage>("/events").Require(Rights.Read);
        group.MapPage<EventPage>(EventPath).Require(Rights.Read);
        group.MapPage<JobsPage>("/jobs").Require(Rights.Read);
        group.MapPage<JobPage>("/job").Require(Rights.Read);
        group.MapPage<AuditPage>("/audit").Require(Rights.Read);
        group.MapAct("/job/downloads", (acts, http, _, token) => acts.RefreshDownloadsAsync(http, token)).Require(Rights.Raw);
        group.MapAct("/job/resend", (acts, http, caller, token) => acts.ResendAsync(http, caller, token)).Require(Rights.Operate, AuditActions.Resend);

        group.MapPage<ParkedPage>("/parked").Require(Rights.Read);
        group.MapPage<ParkedActPage>("/parked/release").Require(Rights.Operate);
        group.MapAct("/parked/release", (acts, http, caller, token) => acts.ReleaseAsync(http, caller, token)).Require(Rights.Operate, AuditActions.Release);
        group.MapPage<ParkedActPage>("/parked/discard").Require(Rights.Operate);
        group.MapAct("/parked/discard", (acts, http, caller, token) => acts.DiscardAsync(http, caller, token)).Require(Rights.Operate, AuditActions.Discard);

        group.MapPage<ReplaysPage>("/replays").Require(Rights.Read);
        group.MapPage<NewReplayPage>("/replays/new").Require(Rights.Operate);
        group.MapAct("/replays/new", (acts, http, caller, token) => acts.StartReplayAsync(http, caller, token)).Require(Rights.Operate, AuditActions.Replay);
        group.MapPage<ReplayPage>(ReplayPath).Require(Rights.Read);
        group.MapAct($"{ReplayPath}/stop", (acts, http, caller, token) => acts.StopReplayAsync(Links.Id(http), caller, token))
            .Require(Rights.Operate, AuditActions.StopReplay);
    }

    // Request delegates: parameters that are bound by name would compile code for each route when the worker starts.
    private static IEndpointConventionBuilder MapPage<TPage>(this RouteGroupBuilder group, string path)
        where TPage : IComponent => group.MapGet(path, http => new RazorComponentResult<TPage>().ExecuteAsync(http));

    private static IEndpointConventionBuilder MapAct(
        this RouteGroupBuilder group, string path, Func<ConsoleActs, HttpContext, Caller, CancellationToken, Task<IResult>> act) =>
        group.MapPost(path, async http =>
        {
            var acts = http.RequestServices.GetRequiredService<ConsoleActs>();
            var result = await act(acts, http, http.Features.GetRequiredFeature<Caller>(), http.RequestAborted);
            await result.ExecuteAsync(http);
        });

    private static byte[] Read(string resource)
    {
        using var stream = typeof(ConsoleRoutes).Assembly.GetManifestResourceStream(resource)!;
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
