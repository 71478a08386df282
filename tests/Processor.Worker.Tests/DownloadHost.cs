using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Processor.Worker.Tests;

/// <summary>A host of downloads, which may be hostile.</summary>
internal sealed class DownloadHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private DownloadHost(WebApplication app) => _app = app;

    public byte[] Content { get; set; } = [1, 2, 3];

    /// <summary>Null: it has no ETag.</summary>
    public string? Tag { get; set; } = "\"one\"";

    public string ContentType { get; set; } = "video/mp4";

    /// <summary>Breaks the connection after so many bytes.</summary>
    public int? CutAfter { get; set; }

    /// <summary>What it waits for before it breaks the connection: that discards what the client has not read.</summary>
    public Func<Task> CutOnce { get; set; } = () => Task.CompletedTask;

    /// <summary>Answers instead.</summary>
    public Func<HttpContext, Task>? Answer { get; set; }

    /// <summary>In order of arrival: the path, with the header <c>Range</c>, if any.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Requests with a credential in a header.</summary>
    public int WithCredentials { get; private set; }

    public string Url => _app.Urls.First();

    public static async Task<DownloadHost> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var host = new DownloadHost(app);
        app.Run(host.ServeAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ServeAsync(HttpContext http)
    {
        Requests.Enqueue($"{http.Request.Path} {http.Request.Headers.Range}".Trim());
        WithCredentials += http.Request.Headers.Authorization.Count + http.Request.Headers.Cookie.Count;
        if (Answer is not null)
        {
            await Answer(http);
        }
        else if (CutAfter is { } length)
        {
            http.Response.ContentLength = Content.Length;
            http.Response.Headers.ETag = Tag;
            await http.Response.Body.WriteAsync(Content.AsMemory(0, length), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await CutOnce();
            http.Abort();
        }
        else
        {
            await Results.Bytes(Content, ContentType, enableRangeProcessing: true, entityTag: Tag is null ? null : new EntityTagHeaderValue(Tag)).ExecuteAsync(http);
        }
    }
}
