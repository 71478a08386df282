using Platform.Contracts;
using Platform.DevStack;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// By default, RabbitMQ 4 discards a message after 20 deliveries and counts prefetched
/// messages too: every restart of a consumer, graceful or not, counts all of them.
/// </summary>
public sealed class DeliveryLimitTests(ServersFixture servers)
{
    private const int Messages = 5;
    private const int Restarts = 25;

    [Fact]
    public async Task With_the_brokers_default_a_consumer_that_restarts_loses_what_it_never_touched()
    {
        await using var connection = await ConnectAsync();
        Assert.SkipUnless(IsVersion4(connection), "RabbitMQ 3 has no limit by default.");

        Assert.Equal(0u, await CountAfterRestartsAsync(connection, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }));
    }

    [Fact]
    public async Task Minus_one_is_no_limit_on_one_version_and_drops_everything_on_another()
    {
        await using var connection = await ConnectAsync();

        var left = await CountAfterRestartsAsync(connection, new Dictionary<string, object?> { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = -1 });

        Assert.Equal(IsVersion4(connection) ? Messages : 0u, left);
    }

    [Fact]
    public async Task With_our_arguments_all_are_still_there()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await using var connection = await ConnectAsync();
        var ours = Topology.Queues[Topology.WebhookReceivedQueue].ToDictionary(argument => argument.Key, argument => (object?)argument.Value);

        Assert.Equal((uint)Messages, await CountAfterRestartsAsync(connection, ours));
    }

    private static async Task<uint> CountAfterRestartsAsync(IConnection connection, Dictionary<string, object?> arguments)
    {
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), Cancel);
        var queue = $"delivery-limit-{Guid.NewGuid():N}";
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: Cancel);
        try
        {
            for (var i = 0; i < Messages; i++)
            {
                await channel.BasicPublishAsync("", queue, mandatory: true, new BasicProperties { Persistent = true }, new byte[] { 1 }, Cancel);
            }

            var left = await CountAsync(channel, queue);
            for (var i = 0; i < Restarts && left == Messages; i++)
            {
                await PrefetchAndStopAsync(connection, queue);
                left = await CountAsync(channel, queue);
            }

            return left;
        }
        finally
        {
            await channel.QueueDeleteAsync(queue, cancellationToken: CancellationToken.None);
        }
    }

    /// <summary>Takes all available messages, settles none, and stops gracefully.</summary>
    private static async Task PrefetchAndStopAsync(IConnection connection, string queue)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.BasicQosAsync(0, Messages, global: false, Cancel);
        var expected = Messages;
        var all = new TaskCompletionSource();
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, _) =>
        {
            if (--expected == 0)
            {
                all.TrySetResult();
            }

            return Task.CompletedTask;
        };
        var tag = await channel.BasicConsumeAsync(queue, autoAck: false, consumer, Cancel);
        await all.Task.WaitAsync(Cancel);
        await channel.BasicCancelAsync(tag, cancellationToken: Cancel);
        await channel.CloseAsync(Cancel);
    }

    /// <summary>Takes all messages once they are requeued; fewer when some do not return.</summary>
    private static async Task<uint> CountAsync(IChannel channel, string queue)
    {
        var count = 0u;
        try
        {
            await Waiting.UntilAsync(
                "all are back", async () => (count = await channel.MessageCountAsync(queue, Cancel)) == Messages, Cancel, TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            // The count shows how many are missing.
        }

        return count;
    }

    private Task<IConnection> ConnectAsync() => new ConnectionFactory { Uri = new Uri(servers.Servers.RabbitMq) }.CreateConnectionAsync(Cancel);

    private static bool IsVersion4(IConnection connection) =>
        System.Text.Encoding.UTF8.GetString((byte[])connection.ServerProperties!["version"]!).StartsWith('4');
}
