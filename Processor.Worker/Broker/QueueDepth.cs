using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Broker;

/// <summary>The depth of one queue, as reported by the broker.</summary>
/// <param name="Messages">Messages that no consumer has fetched.</param>
internal sealed record QueueDepth(string Queue, long Messages, long Consumers)
{
    /// <summary>Declares each queue passively, which needs neither the management API nor any permission.</summary>
    public static async Task<IReadOnlyList<QueueDepth>> ReadAllAsync(IChannel channel, CancellationToken cancellationToken)
    {
        var depths = new List<QueueDepth>();
        foreach (var queue in Topology.Queues.Keys)
        {
            var declared = await channel.QueueDeclarePassiveAsync(queue, cancellationToken);
            depths.Add(new QueueDepth(queue, declared.MessageCount, declared.ConsumerCount));
        }

        return depths;
    }
}
