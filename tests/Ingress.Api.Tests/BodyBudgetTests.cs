using Ingress.Api.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Ingress.Api.Tests;

public sealed class BodyBudgetTests : IDisposable
{
    private const int Small = 16 * 1024;
    private const int Large = 32 * 1024;

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _aborted = [];
    private readonly List<ShedReason> _reasons = [];
    private readonly BodyBudget _budget;

    public BodyBudgetTests() => _budget = new BodyBudget(4 * Large, TimeSpan.FromSeconds(5), _time, _reasons.Add);

    [Fact]
    public void The_newest_is_received_and_the_oldest_is_shed()
    {
        using var first = Begin("first", Large);
        using var second = Begin("second", Large);
        using var third = Begin("third", Large);

        Assert.Equal(["first"], _aborted);
        Assert.Equal([ShedReason.BudgetExhausted], _reasons);
        Assert.True(third!.TryComplete());
        Assert.False(first!.TryComplete());
        Assert.False(first.TryGrow(Large));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(0)]
    public async Task A_body_that_is_shed_between_two_reads_is_refused_as_shed(int thenRead)
    {
        var http = new DefaultHttpContext { Request = { Body = new SlowBody(_time, 4096, thenRead) } };

        var (body, refusal) = await SignedBody.ReadAsync(http, maxBytes: Large, _budget);

        Assert.Equal((null, BodyRefusal.Shed), (body, refusal));
    }

    [Fact]
    public void Large_bodies_do_not_compete_with_small_ones()
    {
        using var small = Begin("small", Small);
        using var first = Begin("first", Large);
        using var second = Begin("second", Large);
        using var another = Begin("another", Small);
        using var grown = Begin("grown", Small);

        Assert.Empty(_aborted);
        Assert.True(grown!.TryGrow(Large));
        Assert.Equal(["first"], _aborted);
    }

    [Fact]
    public void A_received_body_is_not_shed_and_keeps_its_memory_until_it_is_done()
    {
        var first = Begin("first", Large);
        using var second = Begin("second", Large);
        Assert.True(first!.TryComplete() && second!.TryComplete());

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(Begin("third", Large));
        first.Dispose();
        using var fourth = Begin("fourth", Large);

        Assert.NotNull(fourth);
        Assert.Empty(_aborted);
    }

    [Fact]
    public void A_body_is_shed_when_its_time_is_over_whether_or_not_it_grows()
    {
        using var idle = Begin("idle", Small);
        using var growing = Begin("growing", Small);
        using var done = Begin("done", Small);
        Assert.True(done!.TryComplete());

        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.True(growing!.TryGrow(Large));
        using var late = Begin("late", Small);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["growing", "idle"], _aborted.Order(StringComparer.Ordinal));
        Assert.Equal([ShedReason.TimedOut, ShedReason.TimedOut], _reasons);
        Assert.True(late!.TryComplete());
    }

    public void Dispose() => _budget.Dispose();

    private BodyShare? Begin(string name, int bytes) => _budget.TryBegin(bytes, () => _aborted.Add(name));

    /// <summary>A body whose every read takes longer than the budget allows, and which does not notice that its connection was aborted.</summary>
    private sealed class SlowBody(FakeTimeProvider time, params int[] reads) : MemoryStream
    {
        private int _next;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            return ValueTask.FromResult(_next < reads.Length ? Math.Min(buffer.Length, reads[_next++]) : 0);
        }
    }
}
