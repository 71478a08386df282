using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Persistence;
using Processor.Worker.Release;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Parked messages as <c>release</c> reads them.</summary>
public sealed class ParkedQueueTests(ServersFixture servers)
{
    private const int Messages = 400;

    [Fact]
    public async Task A_message_that_the_client_hands_over_late_is_read()
    {
        await using var platform = await CreateAsync(servers);
        for (var i = 0; i < Messages; i++)
        {
            await platform.Broker.PutAsync(Topology.ErrorQueue, "{}", "application/json", Cancel);
        }

        await using var database = NpgsqlDataSource.Create(platform.ConnectionString);
        var read = 0;
        await using (var queue = await ParkedQueue.OpenAsync(
            Topology.ErrorQueue, Topology.WebhookReceivedQueue, Connector(platform), database, new ImpatientTime(), Cancel))
        {
            await foreach (var chunk in queue.ReadAsync(Messages, Cancel))
            {
                await queue.SettleAsync(chunk, [], Cancel);
                read += chunk.Count;
            }
        }

        Assert.Equal(Messages, read);
        // What returns from the closed channel comes before the sentinel.
        await platform.Broker.PutAsync(Topology.ErrorQueue, "sentinel", "text/plain", Cancel);
        Assert.Equal("text/plain", (await platform.Broker.TakeAsync(Topology.ErrorQueue, Cancel)).BasicProperties.ContentType);
    }

    private static BrokerConnector Connector(TestPlatform platform) =>
        new(Options.Create(new ConnectionOptions { RabbitMq = platform.RabbitMq }), Options.Create(new BrokerOptions()));

    /// <summary>Every wait is over at once, as if the client had not run its handlers while it lasted.</summary>
    private sealed class ImpatientTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
