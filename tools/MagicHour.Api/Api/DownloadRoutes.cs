using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Platform.Simulator.Api;

/// <summary>Serves downloads. The address alone is the credential.</summary>
internal sealed class DownloadRoutes(JobRegistry jobs, DownloadLinks links, CallLog calls, Func<ApiSwitches> switches, TimeProvider time)
{
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    public void Map(IEndpointRouteBuilder app)
    {
        app.MapMethods("/downloads/{id}/{file}", Methods, (string id, HttpContext http) => Serve(id, position: 0, http));
        // The files of a job with several results.
        app.MapMethods("/downloads/{id}/{position:int}/{file}", Methods, (string id, int position, HttpContext http) => Serve(id, position, http));
    }

    private IResult Serve(string id, int position, HttpContext http)
    {
        if (http.Request.Headers.Authorization.Count > 0)
        {
            calls.Count(counts => counts with { WithKey = counts.WithKey + 1 });
            return Results.BadRequest();
        }

        if (!links.IsValid(id, http.Request.Query["auth-token"].ToString(), time.GetUtcNow()))
        {
            calls.Count(counts => counts with { Refused = counts.Refused + 1 });
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        }

        if (!jobs.TryFind(id, out var job) || job.IsDeletedAt(time.GetUtcNow()))
        {
            return Results.NotFound();
        }

        calls.Count(counts => counts with { Served = counts.Served + 1 });
        return Results.Stream(
            new DownloadContent(switches().DownloadBytes),
            job.Tool.Kind switch { "image" => "image/png", "audio" => "audio/wav", _ => "video/mp4" },
            entityTag: new EntityTagHeaderValue($"\"{id}-{position}\""),
            enableRangeProcessing: true);
    }
}
