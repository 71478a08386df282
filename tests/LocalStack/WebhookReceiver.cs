using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Platform.LocalStack;

/// <summary>Somebody who receives the platform's own webhooks: keeps them, and answers as it is told.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>In the order in which they arrived.</summary>
    public ConcurrentQueue<ReceivedWebhook> Received { get; } = new();

    /// <summary>Answers a request; by default with 200.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public string Url => $"{_app.Urls.First()}/hooks";

    /// <summary>As the allow-list of targets has it.</summary>
    public string Target => new Uri(Url).Authority;

    public static async Task<WebhookReceiver> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var receiver = new WebhookReceiver(app);
        app.Run(receiver.TakeAsync);
        await app.StartAsync(cancellationToken);
        return receiver;
    }

    /// <summary>Answers with these statuses, one after the other, and with the last from then on.</summary>
    public void AnswerWith(params int[] statuses)
    {
        var answered = -1;
        Answer = http =>
        {
            http.Response.StatusCode = statuses[Math.Min(Interlocked.Increment(ref answered), statuses.Length - 1)];
            return Task.CompletedTask;
        };
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        Received.Enqueue(new ReceivedWebhook(
            http.Request.Headers["webhook-id"].ToString(),
            http.Request.Headers["webhook-timestamp"].ToString(),
            http.Request.Headers["webhook-signature"].ToString(),
            body.ToArray()));
        await Answer(http);
    }
}

/// <summary>What one request brought.</summary>
public sealed record ReceivedWebhook(string Id, string Timestamp, string Signature, ReadOnlyMemory<byte> Body);
