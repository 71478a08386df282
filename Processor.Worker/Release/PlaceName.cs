namespace Processor.Worker.Release;

/// <summary>Where messages are parked.</summary>
internal enum PlaceName
{
    /// <summary>The queue of messages that could not be processed.</summary>
    Error,

    /// <summary>The queue of messages that the broker gave up delivering.</summary>
    Dead,

    /// <summary>The table of signed bodies that were not usable events.</summary>
    Quarantined,

    /// <summary>The queue of registrations that could not be used.</summary>
    Registrations,

    /// <summary>The notifications that were given up.</summary>
    Notifications,
}
