using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Notifications;

/// <summary>Notifies by a signed webhook (Standard Webhooks). Users choose the target: it may lie, stall and point anywhere.</summary>
internal sealed partial class WebhookChannel : INotificationChannel, IDisposable
{
    private readonly OutgoingWebhookOptions _options;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset? _sharedUntil;
    private readonly HttpClient _http;

    public WebhookChannel(IOptions<OutgoingWebhookOptions> options, TargetGuard guard, TimeProvider time, ILogger<WebhookChannel> logger)
    {
        _options = options.Value;
        _sharedUntil = _options.ReadTransitionEnd();
        _time = time;
        var handler = guard.CreateHandler();
        // The response is not used. A short one is drained, so that the connection can be reused; a long one closes it.
        handler.MaxResponseDrainSize = 16 * 1024;
        handler.ResponseDrainTimeout = TimeSpan.FromSeconds(1);
        _http = new HttpClient(handler)
        {
            // Each attempt has its own time limit, which covers everything.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        LogKeys(logger);
    }

    public string Name => "webhook";

    public bool IsConfigured => _options.Secrets.Length > 0;

    public bool HasTargets => true;

    /// <summary>Host and port: otherwise a user could multiply targets with paths, or with http and https.</summary>
    public string? FindTarget(string address)
    {
        try
        {
            var audience = OutgoingWebhookSecret.AudienceOf(new Uri(address));
            return audience[(audience.IndexOf(':', StringComparison.Ordinal) + 1)..];
        }
        catch (UriFormatException)
        {
            // Registered before such addresses were rejected; nothing is sent to it.
            return address;
        }
    }

    public async Task<Delivery> SendAsync(NotificationDelivery notification, CancellationToken cancellationToken)
    {
        using var request = CreateRequest(notification);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return Judge(response);
        }
        catch (HttpRequestException exception) when (exception.InnerException is TargetRefusedException refused)
        {
            return Judge(refused, request);
        }
        catch (TargetRefusedException refused)
        {
            return Judge(refused, request);
        }
        catch (HttpRequestException exception)
        {
            // Without the exception's message, which contains the address.
            return Delivery.Unanswered($"HTTP: {exception.HttpRequestError}");
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage CreateRequest(NotificationDelivery notification)
    {
        var id = $"msg_{notification.Id:N}";
        var now = _time.GetUtcNow();
        var timestamp = now.ToUnixTimeSeconds();
        var target = new Uri(notification.Address);
        var audience = OutgoingWebhookSecret.AudienceOf(target);
        var body = OutgoingWebhook.Write(notification, audience);
        var request = new HttpRequestMessage(HttpMethod.Post, target)
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Sign(FindKeys(audience, now), id, timestamp, body));
        request.Headers.UserAgent.ParseAdd("magic-hour-platform/1.0");
        return request;
    }

    private IEnumerable<byte[]> FindKeys(string audience, DateTimeOffset now) =>
        _options.DeriveKeys(audience).Concat(now < _sharedUntil ? _options.ReadSecrets() : []);

    // Logged at start-up: after an upgrade, receivers that verify with a shared secret reject every webhook, and nothing else says why.
    private void LogKeys(ILogger logger)
    {
        if (IsConfigured && _time.GetUtcNow() < _sharedUntil)
        {
            LogBothKeys(logger, _sharedUntil.Value);
        }
        else if (IsConfigured)
        {
            LogOwnKeys(logger);
        }
    }

    // A name resolves to whatever DNS answers at that moment. An address is fixed, and so is localhost (RFC 6761).
    private static Delivery Judge(TargetRefusedException refused, HttpRequestMessage request) =>
        request.RequestUri is { HostNameType: UriHostNameType.Dns, IsLoopback: false }
            ? Delivery.Failed(refused.Message)
            : Delivery.Refused(refused.Message);

    /// <summary>
    /// Only 410 is a permanent refusal (Standard Webhooks). All other errors describe the endpoint's current state, which its operator can
    /// fix by a deployment or a setting: 401 and 403 its keys and firewalls, 404, 405, 421 and 451 its routes and hosts, 400, 406, 413,
    /// 415, 417, 422, 426, 428 and 431 what it accepts, 408, 409, 423, 424, 425, 429 and 5xx its condition. Redirects are not followed.
    /// </summary>
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

    [LoggerMessage(
        LogLevel.Information,
        "Each receiver verifies webhooks with its own key. One that still verifies with a configured secret rejects them: give it its key, and set "
        + "OutgoingWebhooks__SignWithSharedSecretsUntil until it has changed")]
    private static partial void LogOwnKeys(ILogger logger);

    [LoggerMessage(
        LogLevel.Information,
        "Webhooks are signed with the configured secrets too until {End:O} (OutgoingWebhooks__SignWithSharedSecretsUntil); after that, only with each "
        + "receiver's own key")]
    private static partial void LogBothKeys(ILogger logger, DateTimeOffset end);
}
