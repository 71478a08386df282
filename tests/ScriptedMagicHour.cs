using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Platform.Tests;

/// <summary>Magic Hour's REST API with scripted answers: a project that is not scripted is not found.</summary>
internal sealed class ScriptedMagicHour : IAsyncDisposable
{
    public const string Key = "mhk_live_ExampleOnly0000000000";

    private readonly WebApplication _app;

    private ScriptedMagicHour(WebApplication app) => _app = app;

    /// <summary>In order of arrival, as <c>GET /v1/video-projects/j</c>.</summary>
    public ConcurrentQueue<(string Request, DateTimeOffset At)> Requests { get; } = new();

    /// <summary>The answers, by kind and id (<c>video/j</c>).</summary>
    public ConcurrentDictionary<string, Func<HttpContext, Task>> Answers { get; } = new();

    public string AcceptedKey { get; set; } = Key;

    public string Url => _app.Urls.First();

    public static async Task<ScriptedMagicHour> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new ScriptedMagicHour(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>A project as in the sender's specification.</summary>
    public static string Project(string id, string status, string more = "") =>
        $$"""{"id":"{{id}}","name":"A","status":"{{status}}","type":"TEXT_TO_VIDEO","created_at":"2026-11-29T12:00:00.000Z","credits_charged":240,"error":null{{more}}}""";

    /// <summary>A completed project.</summary>
    public static string Completed(string id) =>
        Project(id, "complete", $$""","enabled":true,"downloads":[{"url":"https://videos.magichour.ai/{{id}}/output.mp4?sig=2","expires_at":"2027-11-30T12:00:00.000Z"}]""");

    public void Answer(string kind, string id, string json, int status = 200) => Answers[$"{kind}/{id}"] = http => WriteAsync(http, status, json);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    public static Task WriteAsync(HttpContext http, int status, string json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json, http.RequestAborted);
    }

    private async Task AnswerAsync(HttpContext http)
    {
        Requests.Enqueue(($"{http.Request.Method} {http.Request.Path.Value}", TimeProvider.System.GetUtcNow()));
        var segments = (http.Request.Path.Value ?? "").Split('/');
        var name = segments is ["", "v1", var projects, var id] ? $"{projects.Replace("-projects", "", StringComparison.Ordinal)}/{id}" : "";
        await (http.Request.Headers.Authorization != $"Bearer {AcceptedKey}" ? WriteAsync(http, 401, """{"message":"Unauthorized"}""")
            : Answers.TryGetValue(name, out var answer) ? answer(http)
            : WriteAsync(http, 404, """{"code":"not_found","message":"Not Found"}"""));
    }
}
