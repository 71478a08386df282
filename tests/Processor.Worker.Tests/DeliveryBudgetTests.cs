using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Events;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>
/// The broker sends up to the prefetch limit, whatever the size of the messages: the connection is read only while there is room.
/// </summary>
public sealed class DeliveryBudgetTests
{
    private const int Mebibyte = 1024 * 1024;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly FakeTimeProvider _time = new();
    private readonly DeliveryBudget _budget;

    public DeliveryBudgetTests() => _budget = new DeliveryBudget(Limits(new EventOptions { BytesInWork = 2 * Mebibyte }), _time);

    [Fact]
    public async Task Reading_stops_when_the_messages_in_flight_use_the_budget_and_resumes_when_one_is_settled()
    {
        Deliver(Mebibyte);
        Deliver(Mebibyte + 1);

        var room = WaitAsync();
        Assert.False(room.IsCompleted);
        _budget.End(Mebibyte);

        await room.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Mebibyte + 1, _budget.Used);
    }

    [Fact]
    public async Task What_was_read_and_not_dispatched_yet_counts()
    {
        _budget.Read(3 * Mebibyte);

        var room = WaitAsync();
        Assert.False(room.IsCompleted);
        _budget.Begin(Mebibyte);
        Assert.False(room.IsCompleted);
        _budget.Begin(2 * Mebibyte - 2048);
        _budget.End(Mebibyte);

        await room.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_message_larger_than_the_budget_arrives_after_a_pause()
    {
        _budget.Read(2 * Mebibyte + 1);

        var room = WaitAsync();
        Assert.False(room.IsCompleted);
        _time.Advance(Pause);

        await room.WaitAsync(TestContext.Current.CancellationToken);
        Assert.True(WaitAsync().IsCompleted);
    }

    [Fact]
    public async Task Heartbeats_are_read_while_nothing_can_be_settled()
    {
        Deliver(3 * Mebibyte);

        for (var i = 0; i < 3; i++)
        {
            var room = WaitAsync();
            Assert.False(room.IsCompleted);
            _time.Advance(Pause);
            await room.WaitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task While_the_broker_is_asked_something_everything_is_read_however_much_is_in_flight()
    {
        Deliver(3 * Mebibyte);

        var room = WaitAsync();
        Assert.False(room.IsCompleted);
        var answer = new TaskCompletionSource();
        var request = _budget.RequestAsync(() => answer.Task);
        await room.WaitAsync(TestContext.Current.CancellationToken);
        Assert.True(WaitAsync().IsCompleted);

        answer.SetResult();
        await request;
        Assert.False(WaitAsync().IsCompleted);
    }

    [Fact]
    public void A_full_prefetch_of_real_events_is_far_within_the_default_budget()
    {
        var options = new EventOptions();
        var budget = new DeliveryBudget(Limits(options), _time);

        for (var i = 0; i < options.InWork; i++)
        {
            budget.Read(4096);
            budget.Begin(3072);
        }

        Assert.True(budget.Used < options.BytesInWork / 2);
    }

    private static ConsumerLimits Limits(EventOptions options) => new(Options.Create(options), NullLogger<ConsumerLimits>.Instance);

    private void Deliver(int bytes)
    {
        _budget.Read(bytes);
        _budget.Begin(bytes);
    }

    private Task WaitAsync() => _budget.WaitForRoomAsync(TestContext.Current.CancellationToken).AsTask();
}
