using System.Net;
using Ingress.Api.Publishing;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>The probes for Kubernetes: when to restart, and when to send requests.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task Health_answers_as_the_guide_documents()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        Assert.Equal(
            """{"status":"healthy","timestamp":1787234642}""",
            await client.GetStringAsync("/health", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/health", HttpStatusCode.OK)]
    [InlineData("/health/live", HttpStatusCode.OK)]
    [InlineData("/health/ready", HttpStatusCode.ServiceUnavailable)]
    public async Task Head_is_answered_as_get_is_without_a_body(string path, HttpStatusCode expected)
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        using var head = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), TestContext.Current.CancellationToken);
        using var get = await client.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal((expected, expected), (head.StatusCode, get.StatusCode));
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await Answers.ReadAsync(head));
    }

    [Fact]
    public async Task A_client_that_hangs_while_the_broker_is_well_is_a_reason_to_restart_until_it_is_answered()
    {
        await using var app = new IngressApp();
        var breaker = app.Services.GetRequiredService<PublishBreaker>();

        TimeOut(app, times: 5, over: TimeSpan.FromMinutes(1));
        using var stuck = await GetAsync(app, "/health/live");
        breaker.Answered();
        using var well = await GetAsync(app, "/health/live");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (stuck.StatusCode, well.StatusCode));
        await Answers.AssertIsProblemUnlessSuccessAsync(stuck);
    }

    [Theory]
    [InlineData(4, 60, "Available", true)]
    [InlineData(50, 59, "Available", true)]
    [InlineData(50, 60, "Available", false)]
    [InlineData(50, 60, "Unavailable", true)]
    [InlineData(50, 60, "Blocked", true)]
    [InlineData(50, 60, "WithoutQueue", true)]
    public async Task A_few_slow_publishes_are_no_reason_nor_is_an_outage_nor_a_process_that_never_worked(
        int timeOuts, int seconds, string state, bool hasBeenAnswered)
    {
        await using var app = new IngressApp();

        TimeOut(app, timeOuts, TimeSpan.FromSeconds(seconds), Enum.Parse<BrokerState>(state), hasBeenAnswered);
        using var live = await GetAsync(app, "/health/live");

        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    [Fact]
    public async Task After_an_outage_the_client_has_a_minute_to_find_the_broker_again()
    {
        await using var app = new IngressApp();

        TimeOut(app, times: 50, over: TimeSpan.FromMinutes(10), BrokerState.Unavailable);
        app.Services.GetRequiredService<BrokerHealth>().TransitionTo(BrokerState.Available);
        app.Time.Advance(TimeSpan.FromSeconds(59));
        using var reconnecting = await GetAsync(app, "/health/live");
        app.Time.Advance(TimeSpan.FromSeconds(1));
        using var stuck = await GetAsync(app, "/health/live");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable), (reconnecting.StatusCode, stuck.StatusCode));
    }

    [Fact]
    public async Task A_process_that_has_not_seen_the_queue_is_not_ready_but_live()
    {
        await using var app = new IngressApp();

        using var ready = await GetAsync(app, "/health/ready");
        using var live = await GetAsync(app, "/health/live");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (ready.StatusCode, live.StatusCode));
        await Answers.AssertIsProblemUnlessSuccessAsync(ready);
    }

    private static void TimeOut(
        IngressApp app, int times, TimeSpan over, BrokerState state = BrokerState.Available, bool hasBeenAnswered = true)
    {
        app.Services.GetRequiredService<BrokerHealth>().TransitionTo(state);
        var breaker = app.Services.GetRequiredService<PublishBreaker>();
        if (hasBeenAnswered)
        {
            breaker.Answered();
        }

        breaker.TimedOut();
        for (var i = 1; i < times; i++)
        {
            app.Time.Advance(over / (times - 1));
            breaker.TimedOut();
        }
    }

    private static async Task<HttpResponseMessage> GetAsync(IngressApp app, string path)
    {
        using var client = app.CreateClient();
        return await client.GetAsync(path, TestContext.Current.CancellationToken);
    }
}
