using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Notifications;

/// <summary>Tells by a webhook of our own, as Standard Webhooks has it. The target is a stranger's: it may lie, stall and point anywhere.</summary>
internal sealed class WebhookChannel : INotificationChannel, IDisposable
{
    private const int MaxHeadersKiB = 16;

    private readonly byte[][] _secrets;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public WebhookChannel(IOptions<OutgoingWebhookOptions> options, TargetGuard guard, TimeProvider time)
    {
        _secrets = [.. options.Value.Secrets.Select(secret => WebhookSignature.TryReadSecret(secret, out var bytes) ? bytes : [])];
        _time = time;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = guard.ConnectAsync,
            // A redirect or a proxy would lead past the guard.
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = MaxHeadersKiB,
            // The answer is not read; a short one is drained, so that the connection can be used again, and a long one ends it.
            MaxResponseDrainSize = 16 * 1024,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        })
        {
            // The attempt has a time-out of its own, which counts everything.
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public string Name => "webhook";

    public bool IsConfigured => _secrets.Length > 0;

    public async Task<Delivery> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        using var request = CreateRequest(notice);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return Judge(response);
        }
        catch (HttpRequestException exception) when (exception.InnerException is TargetRefusedException refused)
        {
            return Delivery.Refused(refused.Message);
        }
        catch (TargetRefusedException refused)
        {
            return Delivery.Refused(refused.Message);
        }
        catch (HttpRequestException exception)
        {
            // Without its message: it holds the address.
            return Delivery.Failed($"HTTP: {exception.HttpRequestError}");
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage CreateRequest(Notice notice)
    {
        var id = $"msg_{notice.Id:N}";
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds();
        var body = OutgoingWebhook.Write(notice);
        var request = new HttpRequestMessage(HttpMethod.Post, notice.Address)
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Sign(_secrets, id, timestamp, body));
        request.Headers.UserAgent.ParseAdd("magic-hour-platform/1.0");
        return request;
    }

    private Delivery Judge(HttpResponseMessage response)
    {
        var reason = $"HTTP {(int)response.StatusCode}";
        return response.StatusCode switch
        {
            >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices => Delivery.Delivered,
            HttpStatusCode.Gone => Delivery.Refused(reason),
            _ => Delivery.Failed(reason, ReadRetryAfter(response.Headers.RetryAfter)),
        };
    }

    private TimeSpan? ReadRetryAfter(RetryConditionHeaderValue? header) => header switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _time.GetUtcNow(),
        _ => null,
    };
}
