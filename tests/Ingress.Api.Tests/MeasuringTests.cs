using Ingress.Api.Publishing;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>Every outcome is visible in the metrics.</summary>
public sealed class MeasuringTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task The_age_and_the_secret_of_every_authentic_delivery_are_measured()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);

        using var ahead = await app.SendAsync(Completed, app.Time.GetUtcNow().AddSeconds(30));
        using var old = await app.SendAsync(Completed, app.Time.GetUtcNow().AddHours(-24));
        using var refused = await app.SendAsync(Completed, app.Time.GetUtcNow().AddHours(-26));
        using var forged = await app.PostAsync(Completed, "1", new string('0', 64));

        Assert.Equal([0, 24 * 3600, 26 * 3600], measured.Of("webhook.delivery_age{}"));
        Assert.Equal([1, 1, 1], measured.Of("webhook.secret_matched{secret=0}"));
    }

    [Theory]
    [InlineData("Accept", -26 * 60, "too_old")]
    [InlineData("Accept", 6, "in_the_future")]
    [InlineData("Reject", -6, "late")]
    public async Task Only_the_operator_sees_why_an_authentic_webhook_was_refused(string policy, int minutes, string reason)
    {
        await using var app = new IngressApp(("MagicHour:LatePolicy", policy));
        using var measured = new Measurements(app.Services);

        using var refused = await app.SendAsync(Completed, app.Time.GetUtcNow().AddMinutes(minutes));
        using var wrong = await app.SendAsync(Completed, secret: "another");
        using var malformed = await app.PostAsync(Completed, timestamp: null, signature: null);

        Assert.Equal(
            new[] { reason, "malformed", "wrong_signature" }.Order().Select(one => $"webhook.signature_failures{{reason={one}}}"),
            measured.Series.Where(series => series.StartsWith("webhook.signature", StringComparison.Ordinal)));
        Assert.Equal(await Answers.ReadAsync(wrong), await Answers.ReadAsync(refused));
        Assert.Equal(await Answers.ReadAsync(wrong), await Answers.ReadAsync(malformed));
    }

    [Fact]
    public async Task The_result_of_a_publish_is_measured()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        var answers = new Queue<PublishAnswer>(
            [PublishAnswer.Confirmed, PublishAnswer.Returned("NO_ROUTE"), PublishAnswer.Refused, PublishAnswer.Lost]);
        app.Broker.Answer = _ => Task.FromResult(answers.Dequeue());

        while (answers.Count > 0)
        {
            (await app.SendAsync(Completed)).Dispose();
        }

        foreach (var result in new[] { "confirmed", "returned", "refused", "lost" })
        {
            Assert.Single(measured.Of($"broker.publish.duration{{result={result}}}"));
        }
    }

    [Fact]
    public async Task An_unanswered_publish_is_measured_and_so_are_the_publishes_not_tried()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        var reached = new TaskCompletionSource();
        app.Broker.Answer = _ =>
        {
            reached.SetResult();
            return new TaskCompletionSource<PublishAnswer>().Task;
        };

        var unanswered = app.SendAsync(Completed);
        await reached.Task;
        app.Time.Advance(TimeSpan.FromSeconds(3));
        (await unanswered).Dispose();
        using var next = await app.SendAsync(Completed);

        Assert.Equal([3], measured.Of("broker.publish.duration{result=timed_out}"));
        Assert.Equal([1], measured.Of("broker.publishes.not_tried{reason=breaker_open}"));
    }

    [Fact]
    public async Task Publishes_in_flight_and_those_over_the_limit_are_counted()
    {
        await using var app = new IngressApp(("Ingress:MaxPublishesInFlight", "1"));
        using var measured = new Measurements(app.Services);
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource<PublishAnswer>();
        app.Broker.Answer = _ =>
        {
            reached.SetResult();
            return release.Task;
        };

        var first = app.SendAsync(Completed);
        await reached.Task;
        using var second = await app.SendAsync(Completed);
        measured.Observe();
        release.SetResult(PublishAnswer.Confirmed);
        (await first).Dispose();
        measured.Observe();

        Assert.Equal([1, 0], measured.Of("broker.publishes.in_flight{}"));
        Assert.Equal([1], measured.Of("broker.publishes.not_tried{reason=too_many}"));
    }

    [Fact]
    public async Task The_state_of_the_broker_is_the_one_that_is_1()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        using var unknown = await app.SendAsync(Completed);

        measured.Observe();
        app.Services.GetRequiredService<BrokerHealth>().TransitionTo(BrokerState.Blocked);
        using var blocked = await app.SendAsync(Completed);
        measured.Observe();

        Assert.Equal([1, 0], measured.Of("broker.connection.state{state=unknown}"));
        Assert.Equal([0, 1], measured.Of("broker.connection.state{state=blocked}"));
        Assert.Equal([1], measured.Of("broker.publishes.not_tried{reason=broker_away}"));
        Assert.Equal([0, 0], measured.Of("broker.watchdog.stalled{}"));
    }
}
