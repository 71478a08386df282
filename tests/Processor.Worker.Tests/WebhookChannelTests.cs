using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>The platform's webhook, and hostile receivers.</summary>
public sealed class WebhookChannelTests
{
    private const string NextSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_arrives_is_signed_and_says_it_all()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target);

        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);

        var webhook = Assert.Single(receiver.Received);
        var audience = $"http://{receiver.Target}";
        Assert.Equal(Sign(webhook, DeriveKey(NotificationHarness.Secret, audience)), webhook.Signature);
        Assert.Matches("^msg_[0-9a-f]{32}$", webhook.Id);
        Assert.Equal(harness.Time.GetUtcNow().ToUnixTimeSeconds(), long.Parse(webhook.Timestamp, null));
        Assert.Equal(
            $$$"""
            {"type":"job.completed","timestamp":"2026-11-23T12:00:00+00:00","audience":"{{{audience}}}","data":{"jobId":"clx123","userId":"ada","resource":"video","name":"A","status":"completed","correctsFailure":false,"downloads":[{"url":"https://videos.magichour.ai/1.mp4?a=1\u0026t=2","expiresAt":"2026-11-24T12:00:00+00:00"}]}}
            """,
            Encoding.UTF8.GetString(webhook.Body.Span));
    }

    [Fact]
    public async Task Nothing_of_a_trace_is_passed_on_to_a_receiver()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        string[] names = [];
        receiver.Answer = http =>
        {
            names = [.. http.Request.Headers.Keys];
            return Task.CompletedTask;
        };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target);
        using var trace = new Activity("notify") { ActivityTraceFlags = ActivityTraceFlags.Recorded, TraceStateString = "vendor=1" }.AddBaggage("key", "value").Start();

        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);

        Assert.Contains("webhook-id", names);
        Assert.DoesNotContain(names, name => name.ToLowerInvariant() is "traceparent" or "tracestate" or "baggage" or "correlation-context" or "request-id");
    }

    [Fact]
    public async Task What_one_receiver_can_verify_no_other_accepts()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await using var other = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target, other.Target);

        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);
        await channel.SendAsync(NotificationHarness.NotificationDelivery(other.Url), Cancel);

        // The other receiver rejects anything that this receiver can sign, with its own key or with the shared secret.
        var webhook = Assert.Single(other.Received);
        Assert.NotEqual(Sign(webhook, DeriveKey(NotificationHarness.Secret, $"http://{receiver.Target}")), webhook.Signature);
        Assert.NotEqual(Sign(webhook, SharedKey(NotificationHarness.Secret)), webhook.Signature);
        Assert.Equal(Sign(webhook, DeriveKey(NotificationHarness.Secret, $"http://{other.Target}")), webhook.Signature);
    }

    [Fact]
    public async Task While_secrets_are_rotated_a_receivers_keys_of_both_sign()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(new OutgoingWebhookOptions { Secrets = [NotificationHarness.Secret, NextSecret], AllowedTargets = [receiver.Target] });

        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);

        var webhook = Assert.Single(receiver.Received);
        var audience = $"http://{receiver.Target}";
        Assert.Equal(
            $"{Sign(webhook, DeriveKey(NotificationHarness.Secret, audience))} {Sign(webhook, DeriveKey(NextSecret, audience))}", webhook.Signature);
    }

    [Fact]
    public async Task The_shared_secrets_sign_too_until_their_end_and_no_longer()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(new OutgoingWebhookOptions
        {
            Secrets = [NotificationHarness.Secret],
            AllowedTargets = [receiver.Target],
            SignWithSharedSecretsUntil = harness.Time.GetUtcNow().AddDays(1).ToString("O"),
        });

        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);
        harness.Time.Advance(TimeSpan.FromDays(1));
        await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);

        var (before, after) = (receiver.Received.First(), receiver.Received.Last());
        var key = DeriveKey(NotificationHarness.Secret, $"http://{receiver.Target}");
        Assert.Equal($"{Sign(before, key)} {Sign(before, SharedKey(NotificationHarness.Secret))}", before.Signature);
        Assert.Equal(Sign(after, key), after.Signature);
    }

    [Theory]
    [InlineData("", "Each receiver verifies webhooks with its own key", "OutgoingWebhooks__SignWithSharedSecretsUntil")]
    [InlineData("2000-01-01T00:00Z", "Each receiver verifies webhooks with its own key", "OutgoingWebhooks__SignWithSharedSecretsUntil")]
    [InlineData("2999-03-31T00:00:00+02:00", "signed with the configured secrets too until 2999-03-30T22:00:00", "OutgoingWebhooks__SignWithSharedSecretsUntil")]
    public void The_log_says_at_the_start_by_which_keys_receivers_verify(string until, params string[] texts)
    {
        using var harness = new NotificationHarness(null!);

        using var off = harness.Webhooks(new OutgoingWebhookOptions());
        using var on = harness.Webhooks(new OutgoingWebhookOptions { Secrets = [NotificationHarness.Secret], SignWithSharedSecretsUntil = until });

        var line = Assert.Single(harness.ChannelLog.GetSnapshot()).Message;
        Assert.All(texts, text => Assert.Contains(text, line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("https://bücher.example/", "https://BÜCHER.example:443/x", "http://xn--bcher-kva.example.:443/?y")]
    [InlineData("http://evil.example/", "http://EVIL.example.:80/x", "https://evil.example:80/?y")]
    [InlineData("http://127.0.0.1/", "http://127.1:80/", "http://0x7f.0.0.1/")]
    [InlineData("http://[::1]/", "http://[0:0::1]:80/", "http://[::0.0.0.1]/")]
    public void A_target_has_one_name_however_its_address_is_written(params string[] addresses)
    {
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks();

        Assert.Single(addresses.Select(channel.FindTarget).Distinct());
        Assert.NotEqual(channel.FindTarget(addresses[0]), channel.FindTarget($"{new UriBuilder(addresses[0]) { Port = 8443 }}"));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var inward = await WebhookReceiver.StartAsync(Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        receiver.Answer = http =>
        {
            http.Response.StatusCode = 307;
            http.Response.Headers.Location = inward.Url;
            return Task.CompletedTask;
        };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target, inward.Target);

        Assert.Equal(Delivery.Failed("HTTP 307"), await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel));
        Assert.Empty(inward.Received);
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://localhost/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("https://10.0.0.1/")]
    public async Task An_internal_target_is_refused_permanently_without_saying_why(string url)
    {
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks();

        Assert.Equal(Delivery.Refused("The target is not allowed."), await channel.SendAsync(NotificationHarness.NotificationDelivery(url), Cancel));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("8.8.8.8", "10.0.0.1")]
    [InlineData]
    public async Task A_name_that_leads_within_or_nowhere_may_lead_elsewhere_later(params string[] addresses)
    {
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks((_, _) => Task.FromResult(addresses.Select(IPAddress.Parse).ToArray()));

        Assert.Equal(Delivery.Failed("The target is not allowed."), await channel.SendAsync(NotificationHarness.NotificationDelivery("https://hooks.example/"), Cancel));
    }

    [Fact]
    public async Task Only_410_is_the_receivers_final_word()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target);
        var errors = Enumerable.Range(300, 300).ToArray();
        receiver.AnswerWith(errors);

        foreach (var status in errors)
        {
            var expected = status == 410 ? Delivery.Refused("HTTP 410") : Delivery.Failed($"HTTP {status}");
            Assert.Equal(expected, await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel));
        }
    }

    [Fact]
    public async Task A_name_that_is_not_known_may_be_known_later()
    {
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks((_, _) => throw new SocketException(11001));

        Assert.Equal(DeliveryOutcome.Failed, (await channel.SendAsync(NotificationHarness.NotificationDelivery("http://unknown.example/"), Cancel)).Outcome);
    }

    [Fact]
    public async Task An_answer_of_a_gigabyte_is_cut()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var serving = ServeGigabyteAsync(server);
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks($"{server.LocalEndpoint}");

        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery($"http://{server.LocalEndpoint}/"), Cancel));

        // No more than the kernel itself buffers.
        Assert.InRange(await serving, 1, 64L * 1024 * 1024);
    }

    [Fact]
    public async Task Headers_without_an_end_are_cut()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        receiver.Answer = http =>
        {
            http.Response.Headers["x-long"] = new string('x', 100_000);
            return Task.CompletedTask;
        };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target);

        Assert.Equal(DeliveryOutcome.Failed, (await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel)).Outcome);
    }

    [Theory]
    [InlineData("120", 120)]
    [InlineData("Fri, 01 Jan 2100 00:00:00 GMT", null)]
    public async Task How_long_the_receiver_asks_to_be_left_alone_is_heard(string header, int? seconds)
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        receiver.Answer = http =>
        {
            http.Response.StatusCode = 503;
            http.Response.Headers.RetryAfter = header;
            return Task.CompletedTask;
        };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Webhooks(receiver.Target);

        var delivery = await channel.SendAsync(NotificationHarness.NotificationDelivery(receiver.Url), Cancel);

        Assert.Equal("HTTP 503", delivery.Reason);
        Assert.True(seconds is null ? delivery.RetryAfter > TimeSpan.FromDays(1000) : delivery.RetryAfter == TimeSpan.FromSeconds(seconds.Value));
        // However long the receiver asks to wait, the next attempt is within the day.
        Assert.InRange(
            RetrySchedule.Next(1, Deliveries.Noon, Deliveries.Noon, chance: 0, delivery.RetryAfter)!.Value - Deliveries.Noon,
            TimeSpan.FromSeconds(seconds ?? 14_400), TimeSpan.FromSeconds(seconds ?? 14_400));
    }

    // Implemented from Standard Webhooks and RFC 5869 (one block, no salt), independently of the code that signed.
    private static string Sign(ReceivedWebhook webhook, byte[] key)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{webhook.Id}.{webhook.Timestamp}."), .. webhook.Body.Span];
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}";
    }

    private static byte[] DeriveKey(string secret, string audience)
    {
        var extracted = HMACSHA256.HashData(new byte[32], SharedKey(secret));
        byte[] info = [.. Encoding.ASCII.GetBytes($"webhook-receiver-v1:{audience}"), 1];
        return HMACSHA256.HashData(extracted, info);
    }

    private static byte[] SharedKey(string secret) => Convert.FromBase64String(secret["whsec_".Length..]);

    /// <returns>The number of bytes sent before the other side stopped reading.</returns>
    private static async Task<long> ServeGigabyteAsync(TcpListener server)
    {
        const long gigabyte = 1024 * 1024 * 1024;
        using var client = await server.AcceptTcpClientAsync(Cancel);
        await using var stream = client.GetStream();
        var piece = new byte[64 * 1024];
        Assert.NotEqual(0, await stream.ReadAsync(piece, Cancel));
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {gigabyte}\r\n\r\n"), Cancel);
        var sent = 0L;
        try
        {
            for (; sent < gigabyte; sent += piece.Length)
            {
                await stream.WriteAsync(piece, Cancel);
            }
        }
        catch (IOException)
        {
            // The client has closed the connection.
        }

        return sent;
    }
}
