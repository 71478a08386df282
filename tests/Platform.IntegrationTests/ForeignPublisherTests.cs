using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using RabbitMQ.Client;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>A publisher with its own broker user: its messages carry the user name, which the broker has verified.</summary>
public sealed class ForeignPublisherTests(ServersFixture servers)
{
    private const string User = "application";

    [Fact]
    public async Task Its_malformed_messages_are_parked_skipped_and_released_like_any_other()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.OwnBroker.ControlAsync(Cancel, "add_user", User, User);
        await platform.OwnBroker.ControlAsync(Cancel, "set_permissions", User, ".*", ".*", ".*");
        await PublishAsync(platform, Topology.WebhookReceivedQueue, "no envelope");
        await PublishAsync(platform, Topology.WebhookReceivedQueue, """{"messageType":["urn:message:Nobody:Knows"],"message":{}}""");
        await PublishAsync(platform, Topology.RegisterJobQueue, "no envelope");
        await PublishAsync(platform, Topology.DeadLetterQueue, "no envelope");

        await platform.StartWorkerAsync();
        await WaitForAsync(platform, Topology.ErrorQueue);
        await WaitForAsync(platform, Topology.SkippedQueue);
        await WaitForAsync(platform, Topology.RegisterJobErrorQueue);
        var released = await platform.ReleaseAsync("--error");
        await WaitForAsync(platform, Topology.ErrorQueue);
        var releasedDead = await platform.ReleaseAsync("--dead");
        await WaitForAsync(platform, Topology.ErrorQueue, count: 2);
        await platform.StartIngressAsync();
        await platform.SendAsync([NewEvent()]);

        Assert.All([released, releasedDead], result => Assert.Contains("released 1 of 1 in ", result.Output, StringComparison.Ordinal));
        await platform.CountAsync(1, "select count(*) from webhook_events");
        Assert.DoesNotContain("PRECONDITION_FAILED", string.Concat(platform.Logs), StringComparison.Ordinal);
    }

    private static async Task PublishAsync(TestPlatform platform, string queue, string content)
    {
        var factory = new ConnectionFactory { Uri = new UriBuilder(platform.RabbitMq) { UserName = User, Password = User }.Uri };
        await using var connection = await factory.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancel);
        var properties = new BasicProperties { MessageId = $"{Guid.NewGuid()}", ContentType = Envelope.ContentType, UserId = User, Persistent = true };
        await channel.BasicPublishAsync("", queue, mandatory: true, properties, Encoding.UTF8.GetBytes(content), Cancel);
    }

    private static Task WaitForAsync(TestPlatform platform, string queue, uint count = 1) =>
        Waiting.UntilAsync($"{count} in {queue}", async () => await platform.Broker.CountAsync(queue, Cancel) == count, Cancel);
}
