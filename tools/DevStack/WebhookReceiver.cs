using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.ServiceDefaults.Settings;

namespace Platform.DevStack;

/// <summary>A receiver of the platform's outgoing webhooks: keeps them and answers as configured.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>In order of arrival.</summary>
    public ConcurrentQueue<ReceivedWebhook> Received { get; } = new();

    /// <summary>Produces the answer; by default 200.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    /// <summary>The workers' configured secret, from which the receiver's key is derived. Null: nothing is verified.</summary>
    public string? Secret { get; set; }

    /// <summary>Received webhooks that the receiver's key does not verify.</summary>
    public IEnumerable<ReceivedWebhook> Rejected => Received.Where(webhook => Secret is { } secret && !webhook.IsSignedFor(Url, secret));

    public string Url => $"{_app.Urls.First()}/hooks";

    /// <summary>The receiver's entry in the allow-list of targets.</summary>
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

    /// <summary>Answers with these statuses in turn, and with the last one from then on.</summary>
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

/// <summary>One received request.</summary>
public sealed record ReceivedWebhook(string Id, string Timestamp, string Signature, ReadOnlyMemory<byte> Body)
{
    /// <summary>Whether a receiver that knows only its own key and address accepts the webhook.</summary>
    /// <param name="secret">The configured secret, from which the key is derived.</param>
    public bool IsSignedFor(string url, string secret)
    {
        var audience = OutgoingWebhookSecret.AudienceOf(new Uri(url));
        var key = OutgoingWebhookSecret.DeriveFor(audience, OutgoingWebhookSecret.TryRead(secret, out var bytes) ? bytes : throw new FormatException("Not a valid secret."));
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{Id}.{Timestamp}."), .. Body.Span];
        var expected = $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}";
        using var body = JsonDocument.Parse(Body);
        return Signature.Split(' ').Contains(expected) && body.RootElement.GetProperty("audience").GetString() == audience;
    }
}
