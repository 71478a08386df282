using Platform.Contracts;
using Processor.Worker.Broker;

namespace Processor.Worker.Backlog;

/// <summary>Messages at the broker.</summary>
/// <param name="Queued">Events that no worker has fetched.</param>
/// <param name="Error">Events in error: a consumer failed with them.</param>
/// <param name="Dead">Events that were delivered too often.</param>
/// <param name="Registrations">Registrations that a consumer failed with.</param>
internal sealed record BrokerBacklog(long Queued, long Error, long Dead, long Registrations)
{
    /// <returns>Null without a sample of the queues.</returns>
    public static BrokerBacklog? From(IReadOnlyList<QueueDepth> queues)
    {
        return queues.Count == 0
            ? null
            : new BrokerBacklog(In(Topology.WebhookReceivedQueue), In(Topology.ErrorQueue), In(Topology.DeadLetterQueue), In(Topology.RegisterJobErrorQueue));

        long In(string name) => queues.Single(queue => queue.Queue == name).Messages;
    }
}
