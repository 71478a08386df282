namespace Platform.Simulator.Api;

/// <summary>How a simulated Magic Hour starts. What <c>/control</c> can change later is in <see cref="ApiSwitches"/>.</summary>
public sealed record SimulatedMagicHourOptions
{
    /// <summary>Where it listens. Default: a free port of this machine.</summary>
    public string ListenUrl { get; init; } = "http://127.0.0.1:0";

    /// <summary>The beginning of download addresses; null for where it listens.</summary>
    public string? PublicUrl { get; init; }

    /// <summary>The key that <c>/v1</c> requires.</summary>
    public string ApiKey { get; init; } = "mhk_simulated";

    /// <summary>The webhook that gets the events of all jobs.</summary>
    public WebhookSettings Webhook { get; init; } = new();

    /// <summary>Divides the delays of jobs and of retries; at least 1, the default.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>Determines all random decisions.</summary>
    public int Seed { get; init; }

    public FateShares Shares { get; init; } = new();

    public ApiSwitches Switches { get; init; } = new();

    /// <summary>Writes created jobs and sent events to the console. Default: off.</summary>
    public bool LogsToConsole { get; init; }
}
