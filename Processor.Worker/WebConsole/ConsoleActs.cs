using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>
/// The acts of the console: each form is a request of the operations API. What succeeds leads to a page that shows it, so that reloading repeats
/// nothing; what fails shows the form again.
/// </summary>
internal sealed class ConsoleActs(ParkedEndpoints parked, ReplayEndpoints replays, NotificationEndpoints notifications, DownloadEndpoint downloads)
{
    public async Task<IResult> ReleaseAsync(HttpContext http, Caller caller, CancellationToken cancellationToken)
    {
        var request = Given.Parked(http.Request, preview: false);
        return Show(Answer<ParkedResult>.From(await parked.ReleaseAsync(request, caller, cancellationToken)), "released", request);
    }

    public async Task<IResult> DiscardAsync(HttpContext http, Caller caller, CancellationToken cancellationToken)
    {
        var request = Given.Parked(http.Request, preview: false);
        return Show(Answer<ParkedResult>.From(await parked.DiscardAsync(request, caller, cancellationToken)), "discarded", request);
    }

    public async Task<IResult> StartReplayAsync(HttpContext http, Caller caller, CancellationToken cancellationToken)
    {
        var request = Given.Replay(http.Request, preview: false, out var errors);
        if (errors.Count > 0)
        {
            // The page finds the same errors.
            return Again<NewReplayPage>(null, StatusCodes.Status400BadRequest);
        }

        var answer = Answer<ReplayView>.From(await replays.StartAsync(request, caller, cancellationToken));
        return answer.Value is { } started ? Go(Links.Replay(started.Id)) : Again<NewReplayPage>(string.Join(' ', answer.Problems), answer.Status);
    }

    public async Task<IResult> StopReplayAsync(Guid id, Caller caller, CancellationToken cancellationToken)
    {
        var answer = Answer<ReplayView>.From(await replays.StopAsync(id, caller, cancellationToken));
        return answer.Value is { } stopped ? Go(Links.Replay(stopped.Id)) : Again<MessagePage>(null, answer.Status);
    }

    public async Task<IResult> ResendAsync(HttpContext http, Caller caller, CancellationToken cancellationToken)
    {
        var given = Given.Read(http.Request);
        var (job, channel) = (given["id"].ToString(), given["channel"].ToString());
        var result = await notifications.ResendAsync(job, channel, new ResendRequest(given["reason"].ToString()), caller, cancellationToken);
        var answer = Answer<object>.From(result);
        return answer.Problems is [] ? Go(Links.To("job", ("id", job), ("resent", channel))) : Again<JobPage>(string.Join(' ', answer.Problems), answer.Status);
    }

    public async Task<IResult> RefreshDownloadsAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var job = Given.Read(http.Request)["id"].ToString();
        var answer = Answer<DownloadsView>.From(await downloads.RefreshAsync(job, http.Response, cancellationToken));
        return answer.Problems is [] ? Go(Links.To("job", ("id", job), ("refreshed", "true"))) : Again<JobPage>(string.Join(' ', answer.Problems), answer.Status);
    }

    private static IResult Show(Answer<ParkedResult> answer, string done, ParkedRequest request) => answer.Value is { } result
        ? Go(Links.To("parked", ("place", request.Place), (done, $"{result.Count}"), ("kept", $"{result.Kept}"), ("left", result.IsComplete ? null : "true")))
        : Again<ParkedActPage>(string.Join(' ', answer.Problems), answer.Status);

    private static RedirectHttpResult Go(string page) => TypedResults.LocalRedirect(page);

    private static RazorComponentResult<TPage> Again<TPage>(string? problem, int status)
        where TPage : IComponent => new(new { Problem = problem }) { StatusCode = status };
}
