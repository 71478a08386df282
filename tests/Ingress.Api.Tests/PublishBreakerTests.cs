using Ingress.Api.Publishing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Ingress.Api.Tests;

/// <summary>After one publish has timed out, the next ones do not wait.</summary>
public sealed class PublishBreakerTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(3);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Everything_is_let_through_until_a_publish_times_out()
    {
        var breaker = Create();

        Assert.True(breaker.TryEnter());
        Assert.True(breaker.TryEnter());
        breaker.TimedOut();
        Assert.False(breaker.TryEnter());
    }

    [Theory]
    [InlineData(100, 1000)]
    [InlineData(3000, 3000)]
    public void A_probe_is_let_through_when_the_one_before_is_over_but_at_most_once_a_second(int budgetMilliseconds, int intervalMilliseconds)
    {
        var breaker = Create(TimeSpan.FromMilliseconds(budgetMilliseconds));
        breaker.TimedOut();

        for (var probe = 0; probe < 3; probe++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(intervalMilliseconds - 1));
            Assert.False(breaker.TryEnter());
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.True(breaker.TryEnter());
            Assert.False(breaker.TryEnter());
        }
    }

    [Fact]
    public async Task Of_many_that_come_at_once_one_is_the_probe()
    {
        var breaker = Create();
        breaker.TimedOut();

        for (var probe = 0; probe < 100; probe++)
        {
            _time.Advance(Budget);
            var entered = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(breaker.TryEnter, TestContext.Current.CancellationToken)));
            Assert.Single(entered, isIn => isIn);
        }
    }

    [Fact]
    public void An_answer_closes_it_at_once()
    {
        var breaker = Create();
        breaker.TimedOut();

        breaker.Answered();

        Assert.True(breaker.TryEnter());
        Assert.Null(breaker.TimeOuts);
    }

    [Fact]
    public void Publishes_that_were_under_way_when_it_opened_do_not_put_off_the_probe()
    {
        var breaker = Create();
        breaker.TimedOut();

        _time.Advance(Budget - TimeSpan.FromMilliseconds(1));
        breaker.TimedOut();
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(breaker.TryEnter());
    }

    [Fact]
    public void Time_outs_are_counted_from_one_answer_to_the_next()
    {
        var breaker = Create();
        Assert.False(breaker.HasBeenAnswered);
        breaker.TimedOut();
        breaker.Answered();

        breaker.TimedOut();
        _time.Advance(TimeSpan.FromSeconds(20));
        breaker.TimedOut();
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal(new TimeOuts(2, TimeSpan.FromSeconds(20)), breaker.TimeOuts);
        Assert.True(breaker.HasBeenAnswered);
    }

    private PublishBreaker Create(TimeSpan? budget = null) => new(
        Options.Create(new IngressOptions { PublishBudget = budget ?? Budget }), _time, NullLogger<PublishBreaker>.Instance);
}
