using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Our webhook, and receivers that mean no good.</summary>
public sealed class WebhookChannelTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_arrives_is_signed_and_says_it_all()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks(receiver.Target);

        await channel.SendAsync(Telling.Notice(receiver.Url), Cancel);

        var webhook = Assert.Single(receiver.Received);
        // Verified by the text of the specification, not by the code that signed.
        var signed = $"{webhook.Id}.{webhook.Timestamp}.{Encoding.UTF8.GetString(webhook.Body.Span)}";
        var mac = HMACSHA256.HashData(Convert.FromBase64String(Telling.Secret["whsec_".Length..]), Encoding.UTF8.GetBytes(signed));
        Assert.Equal($"v1,{Convert.ToBase64String(mac)}", webhook.Signature);
        Assert.Matches("^msg_[0-9a-f]{32}$", webhook.Id);
        Assert.Equal(telling.Time.GetUtcNow().ToUnixTimeSeconds(), long.Parse(webhook.Timestamp, null));
        Assert.Equal(
            """
            {"type":"job.completed","timestamp":"2026-11-23T12:00:00+00:00","data":{"jobId":"clx123","userId":"ada","resource":"video","name":"A","status":"completed","correctsFailure":false,"downloads":[{"url":"https://videos.magichour.ai/1.mp4?a=1\u0026t=2","expiresAt":"2026-11-24T12:00:00+00:00"}]}}
            """,
            Encoding.UTF8.GetString(webhook.Body.Span));
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
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks(receiver.Target, inward.Target);

        Assert.Equal(Delivery.Failed("HTTP 307"), await channel.SendAsync(Telling.Notice(receiver.Url), Cancel));
        Assert.Empty(inward.Received);
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://localhost/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("https://10.0.0.1/")]
    public async Task A_target_within_is_refused_for_ever_without_a_word_about_it(string url)
    {
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks();

        Assert.Equal(Delivery.Refused("The target is not allowed."), await channel.SendAsync(Telling.Notice(url), Cancel));
    }

    [Fact]
    public async Task A_name_that_is_not_known_may_be_known_later()
    {
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks((_, _) => throw new SocketException(11001));

        Assert.Equal(DeliveryOutcome.Failed, (await channel.SendAsync(Telling.Notice("http://unknown.example/"), Cancel)).Outcome);
    }

    [Fact]
    public async Task An_answer_of_a_gigabyte_is_cut()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var serving = ServeGigabyteAsync(server);
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks($"{server.LocalEndpoint}");

        Assert.Equal(Delivery.Delivered, await channel.SendAsync(Telling.Notice($"http://{server.LocalEndpoint}/"), Cancel));

        // No more than what the kernel takes of it for itself.
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
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks(receiver.Target);

        Assert.Equal(DeliveryOutcome.Failed, (await channel.SendAsync(Telling.Notice(receiver.Url), Cancel)).Outcome);
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
        using var telling = new Telling(null!);
        using var channel = telling.Webhooks(receiver.Target);

        var delivery = await channel.SendAsync(Telling.Notice(receiver.Url), Cancel);

        Assert.Equal("HTTP 503", delivery.Reason);
        Assert.True(seconds is null ? delivery.RetryAfter > TimeSpan.FromDays(1000) : delivery.RetryAfter == TimeSpan.FromSeconds(seconds.Value));
        // However long that is, it is tried again within the day.
        Assert.InRange(
            RetrySchedule.Next(1, Deliveries.Noon, Deliveries.Noon, chance: 0, delivery.RetryAfter)!.Value - Deliveries.Noon,
            TimeSpan.FromSeconds(seconds ?? 14_400), TimeSpan.FromSeconds(seconds ?? 14_400));
    }

    /// <returns>How much could be sent before the other side had enough.</returns>
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
            // Cut.
        }

        return sent;
    }
}
