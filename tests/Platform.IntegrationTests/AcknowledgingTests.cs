using System.Collections.Concurrent;
using MassTransit;
using Platform.DevStack;
using Processor.Worker.Inbox;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Deliveries are acknowledged together, on a real channel.</summary>
public sealed class AcknowledgingTests(ServersFixture servers)
{
    private const string Queue = "acknowledging";
    private const int Messages = 100;

    private readonly ConcurrentDictionary<int, int> _deliveries = new();
    private readonly TaskCompletionSource _first = new();

    [Fact]
    public async Task A_message_that_takes_long_holds_up_no_other()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var bus = await ConsumeAsync(platform, prefetch: 10, (_, delivery) => delivery.Tag == 1 ? _first.Task : Task.CompletedTask);

        await PublishAsync(bus);
        await UnacknowledgedAsync(platform, 1, handled: Messages);
        _first.SetResult();
        await UnacknowledgedAsync(platform, 0, handled: Messages);

        Assert.All(_deliveries.Values, count => Assert.Equal(1, count));
        await bus.StopAsync(Cancel);
    }

    [Fact]
    public async Task Finished_messages_are_acknowledged_with_the_first_and_open_ones_are_not()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var deliveries = new ConcurrentBag<Delivery>();
        var others = new TaskCompletionSource();
        var bus = await ConsumeAsync(platform, prefetch: Messages, (_, delivery) =>
        {
            deliveries.Add(delivery);
            return delivery.Tag == 1 ? _first.Task : others.Task;
        });
        await PublishAsync(bus);
        await UnacknowledgedAsync(platform, Messages, handled: Messages);

        // As a group commit does, here for all except the last two.
        Array.ForEach([.. deliveries.Where(delivery => delivery.Tag <= Messages - 2)], delivery => delivery.Finish());
        _first.SetResult();
        await UnacknowledgedAsync(platform, 2, handled: Messages);
        await platform.OwnBroker.ControlAsync(Cancel, "close_all_connections", "test");
        others.SetResult();
        await UnacknowledgedAsync(platform, 0, handled: Messages + 2);

        Assert.Equal(Messages - 2, _deliveries.Values.Count(count => count == 1));
        await bus.StopAsync(Cancel);
    }

    [Fact]
    public async Task Returned_messages_arrive_again_among_acknowledged_ones()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var bus = await ConsumeAsync(platform, prefetch: 10, (number, _) =>
            number % 3 == 0 && _deliveries[number] == 1 ? throw new TimeoutException() : Task.CompletedTask);

        await PublishAsync(bus);
        await UnacknowledgedAsync(platform, 0, handled: Messages + (Messages + 2) / 3);

        Assert.All(_deliveries, delivery => Assert.Equal(delivery.Key % 3 == 0 ? 2 : 1, delivery.Value));
        await bus.StopAsync(Cancel);
    }

    private async Task<IBusControl> ConsumeAsync(TestPlatform platform, ushort prefetch, Func<int, Delivery, Task> handle)
    {
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(new Uri(platform.RabbitMq));
            rabbit.ReceiveEndpoint(Queue, endpoint =>
            {
                endpoint.SetQuorumQueue();
                endpoint.PrefetchCount = prefetch;
                endpoint.UseBulkAcknowledgement();
                // A failed message returns to the queue instead of being parked.
                endpoint.RethrowFaultedMessages();
                endpoint.Handler<Numbered>(context =>
                {
                    _deliveries.AddOrUpdate(context.Message.Number, 1, (_, count) => count + 1);
                    return handle(context.Message.Number, Delivery.Find(context.ReceiveContext)!.Value);
                });
            });
        });
        await bus.StartAsync(Cancel);
        return bus;
    }

    private static Task PublishAsync(IBusControl bus) =>
        Task.WhenAll(Enumerable.Range(0, Messages).Select(i => bus.Publish(new Numbered(i), Cancel)));

    private Task UnacknowledgedAsync(TestPlatform platform, int expected, int handled) => Waiting.UntilAsync(
        $"{expected} of {handled} deliveries are unacknowledged",
        async () => _deliveries.Values.Sum() == handled && await CountAsync(platform) == (0, expected),
        Cancel);

    private static async Task<(int Ready, int Unacknowledged)> CountAsync(TestPlatform platform)
    {
        var queues = await platform.OwnBroker.ControlAsync(
            Cancel, "-q", "--no-table-headers", "list_queues", "name", "messages_ready", "messages_unacknowledged");
        var columns = queues.Split('\n').Select(line => line.Split('\t')).Single(columns => columns[0] == Queue);
        return (int.Parse(columns[1], null), int.Parse(columns[2], null));
    }
}

/// <summary>A message to acknowledge.</summary>
public sealed record Numbered(int Number);
