using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Platform.Simulator.Api;

/// <summary>Writes a project, intact or with a fault of its body.</summary>
internal sealed class ProjectResult(JsonObject project, FaultKind? fault) : IResult
{
    private const int HugeLength = 5 * 1024 * 1024;

    private static readonly TimeSpan BetweenSlowBytes = TimeSpan.FromSeconds(1);

    // As JSON.stringify writes it.
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        Alter();
        var body = Encoding.UTF8.GetBytes(project.ToJsonString(Relaxed));
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        if (fault is FaultKind.SlowBody)
        {
            await WriteSlowlyAsync(httpContext, body);
            return;
        }

        var sent = fault is FaultKind.TruncatedJson ? body.AsMemory(0, body.Length / 2) : body;
        httpContext.Response.ContentLength = sent.Length;
        await httpContext.Response.Body.WriteAsync(sent, httpContext.RequestAborted);
    }

    private void Alter()
    {
        switch (fault)
        {
            case FaultKind.HugeBody:
                project["name"] = new string('x', HugeLength);
                break;
            case FaultKind.UnknownStatus:
                project["status"] = "upscaling";
                break;
            case FaultKind.UnknownFields:
                project["model"] = "of the future";
                project["timings"] = new JsonObject { ["queued_ms"] = 17, ["phases"] = new JsonArray("load", "render") };
                break;
            case FaultKind.MissingDownloads:
                project.Remove("downloads");
                break;
            case FaultKind.MissingFields:
                Array.ForEach([.. project.Select(field => field.Key).Except(["id", "status"])], field => project.Remove(field));
                break;
            case FaultKind.NullName:
                project["name"] = null;
                break;
        }
    }

    private static async Task WriteSlowlyAsync(HttpContext http, byte[] body)
    {
        var time = http.RequestServices.GetRequiredService<TimeProvider>();
        http.Response.ContentLength = body.Length;
        for (var i = 0; i < body.Length; i++)
        {
            await http.Response.Body.WriteAsync(body.AsMemory(i, 1), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(BetweenSlowBytes, time, http.RequestAborted);
        }
    }
}
