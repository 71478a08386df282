using System.Net;
using System.Text;
using Ingress.Api.Publishing;
using MassTransit;
using Platform.Contracts;
using Platform.LocalStack;

namespace Ingress.Api.Tests;

/// <summary>Success is answered for what the broker has confirmed, and for nothing else.</summary>
public sealed class PublishingTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task The_message_is_mandatory_durable_and_named_by_the_identity()
    {
        await using var app = new IngressApp();
        var seen = new TaskCompletionSource<PublishContext>();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(context =>
        {
            seen.TrySetResult(context);
            return Task.CompletedTask;
        }));

        using var response = await app.SendAsync(Completed);

        var context = await seen.Task;
        Assert.Equal(EventIdentity.Of("video.completed", "cmj86i5yy006x4m0z6znwowjb"), context.MessageId);
        Assert.True(context.Mandatory);
        Assert.True(context.Durable);
    }

    [Fact]
    public async Task What_the_broker_does_not_confirm_is_not_answered_with_success()
    {
        await using var app = new IngressApp();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ => throw new InvalidOperationException("The broker is gone.")));

        using var response = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(response);
    }

    [Fact]
    public async Task A_publish_that_never_ends_is_given_up_within_the_budget()
    {
        await using var app = new IngressApp();
        var reached = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
        {
            reached.TrySetResult();
            return new TaskCompletionSource().Task;
        }));

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
        var tried = 0;
        var release = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
        {
            Interlocked.Increment(ref tried);
            return release.Task;
        }));
        var timedOut = app.SendAsync(Completed);
        await TriedAsync(1);
        app.Time.Advance(TimeSpan.FromSeconds(3));
        await AssertIsUnavailableAsync(await timedOut);

        await AssertIsUnavailableAsync(await app.SendAsync(Completed));
        app.Time.Advance(TimeSpan.FromSeconds(3));
        var probe = app.SendAsync(Completed);
        await TriedAsync(2);
        await AssertIsUnavailableAsync(await app.SendAsync(Completed));
        release.SetResult();

        Assert.Equal(HttpStatusCode.OK, (await probe).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.SendAsync(Completed)).StatusCode);
        Assert.Equal(3, tried);

        Task TriedAsync(int times) => Waiting.UntilAsync($"{times} publishes", () => Task.FromResult(tried == times), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_the_broker_returns_is_an_answer_and_the_next_publish_is_tried()
    {
        await using var app = new IngressApp();
        var tried = 0;
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
            tried++ == 0 ? throw new MessageReturnedException("NO_ROUTE", new IOException()) : Task.CompletedTask));

        using var returned = await app.SendAsync(Completed);
        using var next = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(returned);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    public async Task What_the_broker_refuses_is_not_waited_for_and_the_next_publish_is_tried()
    {
        await using var app = new IngressApp();
        var tried = 0;
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(context =>
        {
            if (tried++ > 0)
            {
                return Task.CompletedTask;
            }

            Assert.True(context.TryGetPayload(out PublishAttempt? attempt));
            attempt.Refuse(new IOException("The queue is full."));
            return new TaskCompletionSource().Task;
        }));

        using var refused = await app.SendAsync(Completed);
        using var next = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(refused);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.Contains(app.Log.Lines, line => line.Contains("The queue is full.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_publish_that_fails_leaves_neither_body_nor_secret_in_the_log()
    {
        await using var app = new IngressApp();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ => throw new InvalidOperationException("The broker is gone.")));

        using var response = await app.SendAsync(Completed);

        Assert.Contains(app.Log.Lines, line => line.Contains("The broker is gone.", StringComparison.Ordinal));
        Assert.DoesNotContain(app.Log.Lines, line => line.Contains("auth-token", StringComparison.Ordinal) || line.Contains(IngressApp.Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Publishes_that_pile_up_are_not_joined_by_more()
    {
        await using var app = new IngressApp(("Ingress:MaxPublishesInFlight", "1"));
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
        {
            reached.TrySetResult();
            return release.Task;
        }));

        var first = app.SendAsync(Completed);
        await reached.Task;
        using var second = await app.SendAsync(Completed);
        release.SetResult();

        await AssertIsUnavailableAsync(second);
        using var answer = await first;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_given_up_publish_counts_for_the_memory_it_holds_until_it_ends()
    {
        await using var app = new IngressApp(("Ingress:MaxBodyBytesInFlight", $"{1024 * 1024}"));
        var large = Encoding.UTF8.GetBytes($$$"""{"type":"video.completed","payload":{"id":"x","name":"{{{new string('n', 600_000)}}}"}}""");
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ => reached.TrySetResult() ? release.Task : Task.CompletedTask));
        var answer = app.SendAsync(large);
        await reached.Task;
        app.Time.Advance(TimeSpan.FromSeconds(3));
        using var givenUp = await answer;

        // The breaker would let it through again: what refuses it is the memory.
        app.Time.Advance(TimeSpan.FromSeconds(3));
        using var meanwhile = await app.SendAsync(Completed);
        release.SetResult();

        await AssertIsUnavailableAsync(givenUp);
        await AssertIsUnavailableAsync(meanwhile);
        await Waiting.UntilAsync("its memory is free again", async () =>
        {
            app.Time.Advance(TimeSpan.FromSeconds(3));
            using var afterwards = await app.SendAsync(Completed);
            return afterwards.IsSuccessStatusCode;
        }, TestContext.Current.CancellationToken);
    }

    private static async Task AssertIsUnavailableAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.InRange(response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }

    private sealed class BeforePublish(Func<PublishContext, Task> act) : IPublishObserver
    {
        public Task PrePublish<T>(PublishContext<T> context)
            where T : class => act(context);

        public Task PostPublish<T>(PublishContext<T> context)
            where T : class => Task.CompletedTask;

        public Task PublishFault<T>(PublishContext<T> context, Exception exception)
            where T : class => Task.CompletedTask;
    }
}
