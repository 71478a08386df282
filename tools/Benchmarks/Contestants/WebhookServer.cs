using System.Security.Cryptography;
using Ingress.Api.Webhooks;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants;

/// <summary>The HTTP server shared by the ingress's contestants: Kestrel, one route, no log.</summary>
internal static class WebhookServer
{
    private const int MaxBodyBytes = 256 * 1024;

    private static readonly MagicHourOptions Options = new();
    private static readonly BodyBudget Bodies = new(64 * 1024 * 1024, TimeSpan.FromSeconds(5), TimeProvider.System, _ => { });

    public static async Task<int> RunAsync(string url, RequestDelegate answer, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url).ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        await using var app = builder.Build();
        app.MapPost("/webhook", answer);
        await app.StartAsync(cancellationToken);
        Announcement.Ready();
        await app.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    /// <summary>Verifies and parses a request with the ingress's own code, and passes on the message it would publish.</summary>
    public static RequestDelegate Verified(string secret, Func<WebhookReceived, CancellationToken, Task> accept)
    {
        IReadOnlyList<WebhookSecret> secrets = [WebhookSecret.Create("0", secret)];
        return async http =>
        {
            if (SignatureHeaders.Read(http.Request.Headers) is not { } headers)
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            var (body, _) = await SignedBody.ReadAsync(http, MaxBodyBytes, Bodies);
            using (body)
            {
                await AnswerAsync(http, headers, body!, secrets, accept);
            }
        };
    }

    public static Task AcceptAsync(HttpContext http)
    {
        ReadOnlySpan<byte> receipt = """{"success":true,"timestamp":1795433119}"""u8;
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = receipt.Length;
        return http.Response.BodyWriter.WriteAsync(receipt.ToArray()).AsTask();
    }

    private static async Task AnswerAsync(
        HttpContext http, SignatureHeaders headers, SignedBody body, IReadOnlyList<WebhookSecret> secrets,
        Func<WebhookReceived, CancellationToken, Task> accept)
    {
        var reception = new WebhookRequest(TimeProvider.System.GetUtcNow());
        var secret = Signature.FindSecret(body.Signed(headers.TimestampText), headers.Mac, secrets);
        if (secret is null || Signature.CheckAge(headers.SentAt, reception.At, Options) is not (Verification.Valid or Verification.Late))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        await accept(Read(reception, headers, secret, body), http.RequestAborted);
        await AcceptAsync(http);
    }

    private static WebhookReceived Read(WebhookRequest reception, SignatureHeaders headers, WebhookSecret secret, SignedBody body)
    {
        var content = WebhookContent.Read(body.Body);
        return new WebhookReceived
        {
            EventId = EventIdentity.Create(content.EventType, content.JobId),
            EventType = content.EventType,
            JobId = content.JobId,
            DeliveryId = Guid.CreateVersion7(reception.At),
            ReceivedAt = reception.At,
            SentAt = headers.SentAt,
            Late = false,
            Origin = Origins.Live,
            SecretName = secret.Name,
            Body = body.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Body.Span)),
        };
    }
}
