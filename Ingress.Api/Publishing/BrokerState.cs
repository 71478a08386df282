namespace Ingress.Api.Publishing;

/// <summary>The known state of the broker.</summary>
internal enum BrokerState
{
    /// <summary>Not known yet.</summary>
    Unknown,

    /// <summary>The broker accepts messages and the queue exists.</summary>
    Available,

    /// <summary>The broker is unreachable or does not answer.</summary>
    Unavailable,

    /// <summary>The broker blocks publishers because of an alarm (memory, disk).</summary>
    Blocked,

    /// <summary>The broker answers, but the topology is missing: <c>migrate</c> has not declared it, or it has been deleted.</summary>
    WithoutQueue,
}
