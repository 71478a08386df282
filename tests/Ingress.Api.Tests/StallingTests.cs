using System.Net;
using System.Text;
using Ingress.Api.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>Strangers open requests and do not complete them.</summary>
public sealed class StallingTests
{
    private const int LeastBudget = 32 * 1024 * 1024;
    private const string TimedOut = "webhook.bodies.shed{reason=timed_out}";
    private const string Body = """{"type":"video.completed","payload":{"id":"clx123"}}""";

    [Fact]
    public async Task A_body_that_has_not_arrived_after_half_the_time_for_a_request_is_closed_however_steadily_it_trickles()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        using var connection = await BeginAsync(app, length: 100_000, sent: 0, "Expect: 100-continue");
        // The server says so when it begins to read the body.
        Assert.StartsWith("HTTP/1.1 100 ", await connection.ReadHeadersAsync(), StringComparison.Ordinal);

        await TrickleAsync(times: 4);
        var shedEarly = measured.Of(TimedOut);
        await TrickleAsync(times: 1);

        Assert.Empty(shedEarly);
        Assert.Equal([1], measured.Of(TimedOut));
        Assert.Empty(await connection.ReadToEndAsync());
        await app.UntilLoggedAsync("Webhook Refused");
        Assert.DoesNotContain(app.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));

        async Task TrickleAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                await connection.SendAsync("x");
                app.Time.Advance(TimeSpan.FromMilliseconds(500));
            }
        }
    }

    [Fact]
    public async Task Stalled_bodies_that_fill_the_budget_are_shed_oldest_first_and_valid_webhooks_are_answered_200()
    {
        await using var app = new IngressApp(("Ingress:MaxBodyBytesInFlight", $"{LeastBudget}"));
        // 64 of these buffers fill the half of the budget for large bodies.
        var stalled = new List<RawConnection>();
        for (var i = 0; i < 80; i++)
        {
            stalled.Add(await BeginAsync(app, length: 250_000, sent: 200_000));
        }

        using var small = await app.SendAsync(Encoding.UTF8.GetBytes(Body));
        using var large = await app.SendAsync(Encoding.UTF8.GetBytes(Body.Replace("clx123", new string('n', 200_000), StringComparison.Ordinal)));

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (small.StatusCode, large.StatusCode));
        Assert.Empty(await await Task.WhenAny(stalled.Select(connection => connection.ReadToEndAsync())));
        stalled.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task Stalls_count_against_their_peer()
    {
        await using var app = new IngressApp();
        for (var i = 0; i < 101; i++)
        {
            using var connection = await BeginAsync(app, length: 1000, sent: 10);
        }

        // The clock does not move, so all failures fall in one window, whenever the server notices that the requests have broken off.
        await Waiting.UntilAsync(
            "a hundred are logged",
            () => Task.FromResult(app.Log.Lines.Count(line => line.Contains("Webhook Refused", StringComparison.Ordinal)) == 100),
            TestContext.Current.CancellationToken);
        await Waiting.UntilAsync("a wrong signature from there is over the limit", async () =>
        {
            using var answer = await app.SendAsync(Encoding.UTF8.GetBytes(Body), secret: "wrong");
            return answer.StatusCode is HttpStatusCode.TooManyRequests;
        }, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(typeof(ConnectionAbortedException), false)]
    [InlineData(typeof(ConnectionAbortedException), true)]
    [InlineData(typeof(ConnectionResetException), false)]
    public async Task A_connection_that_ends_before_the_server_cancels_its_request_is_no_error(Type type, bool isReadCanceled)
    {
        var ended = (Exception)Activator.CreateInstance(type, "ended")!;
        var thrown = isReadCanceled ? new TaskCanceledException("aborted", ended) : ended;
        var log = new LogLines();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.Services.AddProblemDetails();
        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.UseProblemDetails();
        app.MapGet("/", IResult () => throw thrown);
        await app.StartAsync(TestContext.Current.CancellationToken);

        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri(app.Urls.Single()), TestContext.Current.CancellationToken);

        Assert.Equal(StatusCodes.Status499ClientClosedRequest, (int)answer.StatusCode);
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    private static async Task<RawConnection> BeginAsync(IngressApp app, int length, int sent, params string[] headers)
    {
        var connection = await RawConnection.OpenAsync(app.Address);
        string[] lines =
        [
            "POST /webhook HTTP/1.1", "Host: ingress", "Content-Type: application/json", $"Content-Length: {length}", .. headers,
            $"{Signing.TimestampHeader}: {Signing.Timestamp(app.Time.GetUtcNow())}", $"{Signing.SignatureHeader}: {new string('0', 64)}",
            "", new string('x', sent),
        ];
        await connection.SendAsync(string.Join("\r\n", lines));
        return connection;
    }
}
