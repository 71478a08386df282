namespace Processor.Worker;

/// <summary>
/// The tasks of one worker process. In Kubernetes each role is a Deployment of the same image. Only <see cref="Consume"/> scales with the
/// queue, only <see cref="Notify"/> reaches the internet, and <see cref="Api"/> keeps running while the others scale.
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

    All = Consume | Notify | Api,
}

internal static class BrokerRoles
{
    /// <summary>True when any role uses the broker. <see cref="Roles.Notify"/> does not: its broker user has no permissions.</summary>
    public static bool UseBroker(this Roles roles) => (roles & ~Roles.Notify) != Roles.None;
}
