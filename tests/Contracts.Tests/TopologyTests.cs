namespace Platform.Contracts.Tests;

/// <summary>The arguments of a queue that exists cannot be changed: these are for ever.</summary>
public sealed class TopologyTests
{
    [Fact]
    public void The_names_are_fixed() => Assert.Equal(
        ["webhook-received", "webhook-received_dead", "webhook-received_error", "webhook-received_skipped"],
        Topology.Queues.Keys.Order());

    [Theory]
    [InlineData("webhook-received")]
    [InlineData("webhook-received_error")]
    [InlineData("webhook-received_skipped")]
    public void A_queue_loses_nothing(string queue) => Assert.Equal(
        [
            KeyValuePair.Create("x-dead-letter-exchange", (object)"webhook-received_dead"),
            KeyValuePair.Create("x-dead-letter-strategy", (object)"at-least-once"),
            KeyValuePair.Create("x-delivery-limit", (object)1000),
            KeyValuePair.Create("x-overflow", (object)"reject-publish"),
            KeyValuePair.Create("x-queue-type", (object)"quorum"),
        ],
        Topology.Queues[queue].OrderBy(argument => argument.Key, StringComparer.Ordinal));

    [Fact]
    public void Dead_letters_end_in_a_quorum_queue() =>
        Assert.Equal([KeyValuePair.Create("x-queue-type", (object)"quorum")], Topology.Queues["webhook-received_dead"]);
}
