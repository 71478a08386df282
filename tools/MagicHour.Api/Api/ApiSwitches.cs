namespace Platform.Simulator.Api;

/// <summary>Behaviour of the API that Magic Hour does not document, or that differs between versions.</summary>
public sealed record ApiSwitches
{
    /// <summary>The body of errors. Default: with a code.</summary>
    public ErrorShape Errors { get; init; }

    /// <summary>What <c>GET</c> answers about a deleted project. Default: 404.</summary>
    public DeletedAnswer Deleted { get; init; }

    /// <summary>Whether <c>GET</c> repeats a download address until it expires, instead of issuing a new one. Default: false.</summary>
    public bool SameUrlUntilExpiry { get; init; }

    /// <summary>Whether answers and events have the deprecated fields. Default: true.</summary>
    public bool DeprecatedFields { get; init; } = true;

    /// <summary>Whether each attempt to deliver an event is signed anew, instead of repeating the first signature. Default: true.</summary>
    public bool ReSign { get; init; } = true;

    /// <summary>How long a download address is valid. Default: 24 hours. <see cref="SimulatedMagicHourOptions.Speed"/> does not divide it.</summary>
    public TimeSpan DownloadLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The size of each download in bytes. Default: 64 KiB.</summary>
    public long DownloadBytes { get; init; } = 64 * 1024;
}

/// <summary>The body of an error.</summary>
public enum ErrorShape
{
    /// <summary><c>{code, message}</c>, as in the newest specification.</summary>
    CodeAndMessage,

    /// <summary><c>{message}</c>.</summary>
    MessageOnly,
}

/// <summary>What <c>GET</c> answers about a deleted project.</summary>
public enum DeletedAnswer
{
    NotFound,

    /// <summary>200 with <c>enabled: false</c>.</summary>
    Disabled,
}
