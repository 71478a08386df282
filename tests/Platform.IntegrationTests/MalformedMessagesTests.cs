using System.Diagnostics;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Faults.Fuzz;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Arbitrary JSON, and text that is not JSON, as each contract.</summary>
public sealed class MalformedMessagesTests(ServersFixture servers, ITestOutputHelper output)
{
    private const int AtRandom = 300;
    private const int NeighboursOfEach = 100;

    [Fact]
    public async Task Each_is_applied_or_parked_with_its_reason_and_its_neighbours_go_through()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync();
        var traffic = new ContractTraffic(platform.RabbitMq, platform.Database);
        var malformed = ContractMessages.Malformed(seed, AtRandom);
        var neighbours = ContractMessages.Whole(NeighboursOfEach);
        ContractMessage[] all = [.. malformed, .. neighbours];
        new Random(seed).Shuffle(all);

        var watch = Stopwatch.StartNew();
        await traffic.PublishAsync(all, Cancel);
        await WaitUntilAppliedAsync(traffic, neighbours);
        output.WriteLine($"neighbours applied after {watch.Elapsed.TotalSeconds:0.0} s");
        var fates = await WaitForAsync(traffic, malformed, fates => !fates.ByPlace[MessageFates.Nowhere].Any());
        output.WriteLine($"{malformed.Count} malformed after {watch.Elapsed.TotalSeconds:0.0} s: {fates}");

        Assert.Empty(fates.Faults);
        Assert.Equal(0u, await platform.Broker.CountAsync(Topology.WebhookReceivedQueue, Cancel));
        Assert.Equal(0u, await platform.Broker.CountAsync(Topology.RegisterJobQueue, Cancel));
        Assert.DoesNotContain("The database is unavailable", platform.Logs.Single(), StringComparison.Ordinal);
        await AssertReleasableAsync(platform, traffic, malformed, fates.ByPlace[Topology.ErrorQueue].Count());
    }

    private static async Task WaitUntilAppliedAsync(ContractTraffic traffic, IReadOnlyList<ContractMessage> messages)
    {
        var fates = await WaitForAsync(traffic, messages, fates => !fates.ByPlace[MessageFates.Nowhere].Any());
        Assert.Empty(fates.Parked);
    }

    /// <summary>The verb reads everything that is parked, and a message released without a change is parked again.</summary>
    private static async Task AssertReleasableAsync(TestPlatform platform, ContractTraffic traffic, IReadOnlyList<ContractMessage> malformed, int parked)
    {
        var shown = await platform.ReleaseAsync("--error", "--dry-run");
        var released = await platform.ReleaseAsync("--error");
        var fates = await WaitForAsync(traffic, malformed, fates => !fates.ByPlace[MessageFates.Nowhere].Any());

        Assert.Equal((0, 0), (shown.ExitCode, released.ExitCode));
        Assert.Equal(parked, shown.Output.Split('\n').Count(line => line.StartsWith("would release  ", StringComparison.Ordinal)));
        Assert.Contains($"released {parked:N0} of {parked:N0} in ", released.Output, StringComparison.Ordinal);
        Assert.Empty(fates.Faults);
    }

    private static async Task<MessageFates> WaitForAsync(ContractTraffic traffic, IReadOnlyList<ContractMessage> messages, Func<MessageFates, bool> isReached)
    {
        var fates = await traffic.FindAsync(messages, Cancel);
        try
        {
            await Waiting.UntilAsync("", async () => isReached(fates = await traffic.FindAsync(messages, Cancel)), Cancel);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{fates}\n{string.Join('\n', fates.ByPlace[MessageFates.Nowhere].Take(20))}");
        }

        return fates;
    }
}
