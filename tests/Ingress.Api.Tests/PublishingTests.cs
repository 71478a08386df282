using System.Net;
using System.Text.Json;
using Ingress.Api.Publishing;
using MassTransit;
using MassTransit.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>The ingress answers with success only once the broker has confirmed.</summary>
public sealed class PublishingTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task The_message_is_named_by_the_identity_and_read_by_any_consumer_of_MassTransit()
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed);

        var published = Assert.Single(app.Broker.Published);
        var identity = EventIdentity.Create("video.completed", "cmj86i5yy006x4m0z6znwowjb");
        var envelope = JsonSerializer.Deserialize<JsonMessageEnvelope>(published.Content.Span, SystemTextJsonMessageSerializer.Options)!;
        Assert.Equal((identity, "Platform.Contracts:WebhookReceived"), (published.MessageId, published.Exchange));
        Assert.Equal(($"{identity}", app.Time.GetUtcNow().UtcDateTime), (envelope.MessageId, envelope.SentTime));
        Assert.Equal([MessageUrn.ForTypeString<WebhookReceived>()], envelope.MessageType!);
        Assert.Equal(identity, Assert.Single(app.Broker.Messages<WebhookReceived>()).EventId);
    }

    [Theory]
    [InlineData("Refused", "The broker refused it.")]
    [InlineData("Returned", "The broker returned it: NO_ROUTE.")]
    [InlineData("Lost", "The connection was lost.")]
    public async Task What_the_broker_does_not_confirm_is_not_answered_with_success_and_the_next_is_tried(string result, string why)
    {
        await using var app = new IngressApp();
        var answers = new Queue<PublishAnswer>([new(Enum.Parse<PublishResult>(result), why), PublishAnswer.Confirmed]);
        app.Broker.Answer = _ => Task.FromResult(answers.Dequeue());

        using var failed = await app.SendAsync(Completed);
        using var next = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(failed);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.Contains(app.Log.Lines, line => line.Contains(why, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_publish_that_is_never_answered_is_given_up_within_the_budget()
    {
        await using var app = new IngressApp();
        var reached = new TaskCompletionSource();
        app.Broker.Answer = _ =>
        {
            reached.TrySetResult();
            return new TaskCompletionSource<PublishAnswer>().Task;
        };

        var answer = app.SendAsync(Completed);
        await reached.Task;
        app.Time.Advance(TimeSpan.FromSeconds(3));

        using var response = await answer;
        await AssertIsUnavailableAsync(response);
    }

    [Fact]
    public async Task After_a_time_out_publishes_are_not_tried_but_for_a_probe_and_its_confirm_lets_all_through()
    {
        await using var app = new IngressApp();
        var release = new TaskCompletionSource<PublishAnswer>();
        app.Broker.Answer = _ => release.Task;
        var timedOut = app.SendAsync(Completed);
        await TriedAsync(1);
        app.Time.Advance(TimeSpan.FromSeconds(3));
        await AssertIsUnavailableAsync(await timedOut);

        await AssertIsUnavailableAsync(await app.SendAsync(Completed));
        app.Time.Advance(TimeSpan.FromSeconds(3));
        var probe = app.SendAsync(Completed);
        await TriedAsync(2);
        await AssertIsUnavailableAsync(await app.SendAsync(Completed));
        release.SetResult(PublishAnswer.Confirmed);

        Assert.Equal(HttpStatusCode.OK, (await probe).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.SendAsync(Completed)).StatusCode);
        Assert.Equal(3, app.Broker.Published.Count);

        Task TriedAsync(int times) => Waiting.UntilAsync(
            $"{times} publishes", () => Task.FromResult(app.Broker.Published.Count == times), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Without_a_connection_no_request_waits_for_one()
    {
        await using var app = new IngressApp();
        app.Services.GetRequiredService<PublishQueue>().Close();

        using var response = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(response);
    }

    [Fact]
    public async Task A_publish_that_fails_leaves_neither_body_nor_secret_in_the_log()
    {
        await using var app = new IngressApp();
        app.Broker.Answer = _ => Task.FromResult(PublishAnswer.Refused);

        using var response = await app.SendAsync(Completed);

        Assert.Contains(app.Log.Lines, line => line.Contains(PublishAnswer.Refused.Failure!, StringComparison.Ordinal));
        Assert.DoesNotContain(app.Log.Lines, line => line.Contains("auth-token", StringComparison.Ordinal) || line.Contains(IngressApp.Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Publishes_that_pile_up_are_not_joined_by_more()
    {
        await using var app = new IngressApp(("Ingress:MaxPublishesInFlight", "1"));
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource<PublishAnswer>();
        app.Broker.Answer = _ =>
        {
            reached.TrySetResult();
            return release.Task;
        };

        var first = app.SendAsync(Completed);
        await reached.Task;
        using var second = await app.SendAsync(Completed);
        release.SetResult(PublishAnswer.Confirmed);

        await AssertIsUnavailableAsync(second);
        using var answer = await first;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task AssertIsUnavailableAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.InRange(response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }
}
