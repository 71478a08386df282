using System.Net.Http.Headers;

namespace Platform.Simulator.MagicHour;

/// <summary>Sends signed events to one webhook like Magic Hour.</summary>
public sealed class Sender(Uri webhook, string secret, TimeProvider time) : IDisposable
{
    // The sender gives up after ten seconds.
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = !webhook.IsLoopback }) { Timeout = TimeSpan.FromSeconds(10) };

    /// <param name="ingressUrl">Address of an ingress, without the webhook path.</param>
    public Sender(string ingressUrl, string secret, TimeProvider time)
        : this(new Uri(new Uri(ingressUrl.TrimEnd('/') + '/'), "webhook"), secret, time)
    {
    }

    /// <summary>Where the events go.</summary>
    public Uri Webhook => webhook;

    /// <summary>Posts a body, signed with the current time.</summary>
    public Task<HttpResponseMessage> SendAsync(byte[] body, CancellationToken cancellationToken) =>
        SendAsync(body, time.GetUtcNow(), cancellationToken);

    /// <summary>Posts a body, signed with a given time.</summary>
    public Task<HttpResponseMessage> SendAsync(byte[] body, DateTimeOffset signedAt, CancellationToken cancellationToken)
    {
        var timestamp = Signing.Timestamp(signedAt);
        return PostAsync(body, timestamp, Signing.Sign(secret, timestamp, body), cancellationToken);
    }

    /// <summary>Posts a body with any signature, valid or not.</summary>
    public async Task<HttpResponseMessage> PostAsync(byte[] body, string timestamp, string signature, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Webhook) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, signature);
        request.Headers.UserAgent.ParseAdd("magic-hour-simulator");
        return await _http.SendAsync(request, cancellationToken);
    }

    /// <summary>The same request as a curl command.</summary>
    public string ToCurl(MagicHourEvent webhook)
    {
        var timestamp = Signing.Timestamp(time.GetUtcNow());
        // curl would use the environment's proxy even for this machine.
        var direct = Webhook.IsLoopback ? "--noproxy '*' " : "";
        return $"curl -sS {direct}-X POST {Webhook} -H 'content-type: application/json' -H '{Signing.TimestampHeader}: {timestamp}' "
            + $"-H '{Signing.SignatureHeader}: {Signing.Sign(secret, timestamp, webhook.Body)}' "
            + $"--data-binary '{System.Text.Encoding.UTF8.GetString(webhook.Body)}'";
    }

    public void Dispose() => _http.Dispose();
}
