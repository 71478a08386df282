using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Backlog;

/// <summary>What the broker says of one queue.</summary>
/// <param name="Messages">Those that no consumer has fetched.</param>
internal sealed record QueueDepth(string Queue, long Messages, long Consumers)
{
    /// <summary>By declaring each queue passively, which needs neither the management API nor a right to anything.</summary>
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
