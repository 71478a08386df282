using Platform.Contracts;
using Processor.Worker.Broker;

namespace Processor.Worker.Backlog;

/// <summary>Messages parked at the broker.</summary>
/// <param name="Error">Events in error: a consumer failed with them.</param>
/// <param name="Dead">Events that were delivered too often.</param>
/// <param name="Registrations">Registrations that a consumer failed with.</param>
internal sealed record ParkedBacklog(long Error, long Dead, long Registrations)
{
    /// <returns>Null without a sample of the queues.</returns>
    public static ParkedBacklog? From(IReadOnlyList<QueueDepth> queues)
    {
        return queues.Count == 0 ? null : new ParkedBacklog(In(Topology.ErrorQueue), In(Topology.DeadLetterQueue), In(Topology.RegisterJobErrorQueue));

        long In(string name) => queues.Single(queue => queue.Queue == name).Messages;
    }
}
