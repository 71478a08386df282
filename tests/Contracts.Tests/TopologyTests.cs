namespace Platform.Contracts.Tests;

/// <summary>The arguments of an existing queue cannot be changed, so these are permanent.</summary>
public sealed class TopologyTests
{
    [Fact]
    public void The_names_are_fixed() => Assert.Equal(
        [
            "register-job", "register-job_dead", "register-job_error", "register-job_skipped",
            "webhook-received", "webhook-received_dead", "webhook-received_error", "webhook-received_skipped",
        ],
        Topology.Queues.Keys.Order());

    [Theory]
    [InlineData("webhook-received", "webhook-received_dead")]
    [InlineData("webhook-received_error", "webhook-received_dead")]
    [InlineData("webhook-received_skipped", "webhook-received_dead")]
    [InlineData("register-job", "register-job_dead")]
    [InlineData("register-job_error", "register-job_dead")]
    [InlineData("register-job_skipped", "register-job_dead")]
    public void A_queue_loses_nothing(string queue, string deadLetters) => Assert.Equal(
        [
            KeyValuePair.Create("x-dead-letter-exchange", (object)deadLetters),
            KeyValuePair.Create("x-dead-letter-strategy", (object)"at-least-once"),
            KeyValuePair.Create("x-delivery-limit", (object)1000),
            KeyValuePair.Create("x-overflow", (object)"reject-publish"),
            KeyValuePair.Create("x-queue-type", (object)"quorum"),
        ],
        Topology.Queues[queue].OrderBy(argument => argument.Key, StringComparer.Ordinal));

    [Theory]
    [InlineData("webhook-received_dead")]
    [InlineData("register-job_dead")]
    public void Dead_letters_end_in_a_quorum_queue(string queue) =>
        Assert.Equal([KeyValuePair.Create("x-queue-type", (object)"quorum")], Topology.Queues[queue]);
}
