namespace Ingress.Api.Publishing;

/// <summary>What is known of the broker.</summary>
internal enum BrokerState
{
    /// <summary>Nothing yet.</summary>
    Unknown,

    /// <summary>It takes messages and the queue is there.</summary>
    Available,

    /// <summary>It cannot be reached, or does not answer.</summary>
    Away,

    /// <summary>An alarm (memory, disk) makes it refuse messages.</summary>
    Blocked,

    /// <summary>It answers, but <c>migrate</c> has not declared the topology, or somebody has deleted it.</summary>
    WithoutQueue,
}
