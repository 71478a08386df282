using Microsoft.Extensions.Options;
using Platform.LocalStack;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

public sealed class BrokerTopologyTests
{
    [Fact]
    public async Task Without_the_management_API_the_nodes_that_answer_are_counted()
    {
        var connections = Options.Create(new ConnectionOptions { RabbitMq = $"amqp://127.0.0.1:{Machine.FreePort()},127.0.0.1:{Machine.FreePort()}/" });
        var options = Options.Create(new BrokerOptions { ExpectedNodes = 2 });
        var topology = new BrokerTopology(connections, options, new BrokerManagement(connections, options));

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => topology.DeclareAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith("0 of 2 broker nodes run.", failure.Message, StringComparison.Ordinal);
    }
}
