using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>Requests that no well-behaved client sends, byte for byte, all with a valid signature.</summary>
public sealed class RawRequestTests
{
    private const string Body = """{"type":"video.completed","payload":{"id":"clx123"}}""";
    private const string Length = "Content-Length: 52";
    private const string Chunked = "Transfer-Encoding: chunked";
    private const string Chunks = $"34\r\n{Body}\r\n0\r\n\r\n";
    private const string NextRequest = "GET /health HTTP/1.1\r\nHost: ingress\r\nConnection: close\r\n\r\n";

    public static TheoryData<string, string, string> Ambiguous => new()
    {
        { "/webhook", $"{Length}\r\n{Chunked}", Chunks },
        { "/webhook", $"{Chunked}\r\nContent-Length: 4", Chunks },
        { "/webhook", $"{Chunked}\r\n{Chunked}, identity", Chunks },
        { "/webhook", "Transfer-Encoding: xchunked", Chunks },
        { "/webhook", "Transfer-Encoding: gzip, chunked", Chunks },
        { "/webhook", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Chunks },
        { "/webhook", "Transfer-Encoding: chunked, chunked", Chunks },
        { "/webhook", $"{Chunked}\r\nTrailer: X-Late", Chunks },
        { "/webhook", $"{Length}\r\n{Length}", Body },
        { "/webhook", $"{Length}\r\nContent-Length: 4", Body },
        { "/webhook", $"{Length}, 52", Body },
        { "/webhook", "Content-Length : 52", Body },
        { "/webhook", $"{Length}\r\nX-Folded: one\r\n two", Body },
        { "/webhook", $"{Length}\r\nHost: elsewhere", Body },
        { "/webhook", Chunked, $"34;extension\n{Body}\r\n0\r\n\r\n" },
        { "/webhook", Chunked, $"34\n{Body}\r\n0\r\n\r\n" },
        { "http://ingress/webhook", Length, Body },
        { "http://elsewhere/webhook", Length, Body },
    };

    [Theory]
    [InlineData(Length, Body)]
    [InlineData(Chunked, Chunks)]
    public async Task A_plain_request_is_taken_and_so_is_the_next(string framing, string body)
    {
        await using var app = new IngressApp();

        var said = await SendAsync(app, "/webhook", framing, body + NextRequest);

        Assert.StartsWith("HTTP/1.1 200 ", said, StringComparison.Ordinal);
        Assert.Equal(2, CountAnswers(said));
        Assert.Single(app.Broker.Messages<WebhookReceived>());
    }

    [Theory]
    [MemberData(nameof(Ambiguous))]
    public async Task What_two_servers_may_read_differently_is_refused_and_nothing_after_it_is_read(string target, string framing, string body)
    {
        await using var app = new IngressApp();

        var said = await SendAsync(app, target, framing, body + NextRequest);

        Assert.StartsWith("HTTP/1.1 400 ", said, StringComparison.Ordinal);
        Assert.Equal(1, CountAnswers(said));
        Assert.Empty(app.Broker.Messages<WebhookReceived>());
        Assert.DoesNotContain(app.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_lengths_are_refused_with_a_problem_before_anything_else_is_looked_at()
    {
        await using var app = new IngressApp();

        var said = await SendAsync(app, "/webhook", $"{Length}\r\n{Chunked}", Chunks);

        Assert.StartsWith("HTTP/1.1 400 ", said, StringComparison.Ordinal);
        Assert.Contains("Connection: close\r\n", said, StringComparison.Ordinal);
        Assert.Contains("Content-Type: application/problem+json\r\n", said, StringComparison.Ordinal);
        Assert.Contains("A request must have one length", said, StringComparison.Ordinal);
        Assert.DoesNotContain(app.Log.Lines, line => line.Contains("Webhook ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, 1_000_000)]
    [InlineData(100, 1)]
    public async Task Headers_that_are_too_long_or_too_many_are_not_read_to_their_end(int count, int length)
    {
        await using var app = new IngressApp();
        var headers = string.Join("\r\n", Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('a', length)}"));

        var said = await SendAsync(app, "/webhook", $"{headers}\r\n{Length}", Body);

        Assert.StartsWith("HTTP/1.1 431 ", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slow_headers_get_half_of_the_time_for_a_request()
    {
        await using var app = new IngressApp();

        var limits = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

        Assert.Equal(TimeSpan.FromSeconds(2.5), limits.RequestHeadersTimeout);
    }

    private static int CountAnswers(string said) => said.Split("HTTP/1.1 ").Length - 1;

    private static async Task<string> SendAsync(IngressApp app, string target, string framing, string body)
    {
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendAsync(string.Join("\r\n",
            $"POST {target} HTTP/1.1",
            "Host: ingress",
            "Content-Type: application/json",
            $"{Signing.TimestampHeader}: {timestamp}",
            $"{Signing.SignatureHeader}: {Signing.Sign(IngressApp.Secret, timestamp, Encoding.UTF8.GetBytes(Body))}",
            framing,
            "",
            body));
        return await connection.ReadToEndAsync();
    }
}
