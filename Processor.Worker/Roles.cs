namespace Processor.Worker;

/// <summary>
/// What one process of the worker does; in Kubernetes a Deployment each, from one image. Only <see cref="Consume"/> is scaled by the
/// queue, only <see cref="Notify"/> reaches the internet, and <see cref="Api"/> stays up while the others scale.
/// </summary>
[Flags]
internal enum Roles
{
    None = 0,

    /// <summary>Consumes events and publishes domain events.</summary>
    Consume = 1,

    /// <summary>Tells the owners of jobs.</summary>
    Notify = 2,

    /// <summary>Serves the operations API.</summary>
    Api = 4,

    All = Consume | Notify | Api,
}
