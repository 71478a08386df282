namespace Processor.Worker;

/// <summary>
/// The tasks of one worker process. In Kubernetes each role is a Deployment of the same image. Only <see cref="Consume"/> scales with the
/// queue, only <see cref="Notify"/>, <see cref="Reconcile"/> and <see cref="Archive"/> reach the internet, and <see cref="Api"/> keeps running while
/// the others scale.
/// </summary>
[Flags]
internal enum Roles
{
    None = 0,

    /// <summary>Consumes events and publishes domain events.</summary>
    Consume = 1,

    /// <summary>Notifies the owners of jobs.</summary>
    Notify = 2,

    /// <summary>Serves the operations API.</summary>
    Api = 4,

    /// <summary>Finds in Magic Hour's API what no webhook has reported.</summary>
    Reconcile = 8,

    /// <summary>Copies downloads to the archive.</summary>
    Archive = 16,

    All = Consume | Notify | Api | Reconcile | Archive,
}

internal static class BrokerRoles
{
    /// <summary>
    /// True when any role reads queues. The broker users of those that reach the internet may not: <see cref="Roles.Notify"/> and
    /// <see cref="Roles.Archive"/> have no permissions, and <see cref="Roles.Reconcile"/> may only publish events.
    /// </summary>
    public static bool ReadQueues(this Roles roles) => (roles & ~(Roles.Notify | Roles.Reconcile | Roles.Archive)) != Roles.None;
}
