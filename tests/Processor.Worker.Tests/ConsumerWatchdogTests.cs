using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Consumers;
using Processor.Worker.Events;

namespace Processor.Worker.Tests;

/// <summary>
/// A worker that has lost its consumer without noticing is restarted; one whose broker or database is unavailable is not.
/// </summary>
public sealed class ConsumerWatchdogTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private static readonly IReadOnlyList<QueueDepth> Unattended = [Events(messages: 9, consumers: 0)];

    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogCollector _log = new();
    private readonly ConsumerWatchdog _watchdog;
    private bool _isConsuming = true;

    public ConsumerWatchdogTests()
    {
        _watchdog = new ConsumerWatchdog(() => _isConsuming, Options.Create(new EventOptions()), _time, new FakeLogger<ConsumerWatchdog>(_log));
        _watchdog.Observe([Events(messages: 9, consumers: 1)]);
    }

    public static TheoryData<string> NoLosses => ["it could not be asked", "somebody consumes", "nothing waits", "the outage of the database", "another queue"];

    [Fact]
    public void Five_minutes_without_a_consumer_while_events_wait_are_a_lost_consumer()
    {
        See(Unattended, Patience - Interval);
        var almost = _watchdog.IsLost;
        See(Unattended, Interval);
        var lost = _watchdog.IsLost;
        See([Events(messages: 9, consumers: 1)], Interval);

        Assert.Equal((false, true, false), (almost, lost, _watchdog.IsLost));
    }

    [Fact]
    public void A_loss_is_said_once()
    {
        See(Unattended, Patience + Interval);

        Assert.Equal(LogLevel.Error, Assert.Single(_log.GetSnapshot()).Level);
    }

    [Theory]
    [MemberData(nameof(NoLosses))]
    public void What_is_no_loss_is_none_for_however_long(string situation)
    {
        Become(situation, out var queues);

        See(queues, TimeSpan.FromHours(1));

        Assert.False(_watchdog.IsLost);
    }

    [Theory]
    [MemberData(nameof(NoLosses))]
    public void What_is_no_loss_breaks_the_five_minutes(string situation)
    {
        See(Unattended, Patience - Interval);
        Become(situation, out var queues);
        See(queues, Interval);
        _isConsuming = true;
        See(Unattended, Patience - Interval);

        Assert.False(_watchdog.IsLost);
        See(Unattended, Interval);
        Assert.True(_watchdog.IsLost);
    }

    [Fact]
    public void Unchecked_time_does_not_count()
    {
        See(Unattended, Interval);
        _time.Advance(TimeSpan.FromHours(1));
        _watchdog.Observe(Unattended);

        Assert.False(_watchdog.IsLost);
    }

    private static QueueDepth Events(long messages, long consumers) => new(Topology.WebhookReceivedQueue, messages, consumers);

    private void Become(string situation, out IReadOnlyList<QueueDepth>? queues)
    {
        _isConsuming = situation != "the outage of the database";
        queues = situation switch
        {
            "it could not be asked" => null,
            "somebody consumes" => [Events(messages: 9, consumers: 1)],
            "nothing waits" => [Events(messages: 0, consumers: 0)],
            "another queue" => [new QueueDepth(Topology.ErrorQueue, 9, 0), Events(messages: 0, consumers: 0)],
            _ => Unattended,
        };
    }

    private void See(IReadOnlyList<QueueDepth>? queues, TimeSpan duration)
    {
        for (var passed = TimeSpan.Zero; passed < duration; passed += Interval)
        {
            _time.Advance(Interval);
            _watchdog.Observe(queues);
        }
    }
}
