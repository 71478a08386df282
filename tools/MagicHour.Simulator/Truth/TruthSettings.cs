using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>A storm of jobs: how many, how fast, and what goes wrong.</summary>
public sealed record TruthSettings
{
    public int Seed { get; init; }

    public int Jobs { get; init; } = 2000;

    /// <summary>Jobs created per second.</summary>
    public double Rate { get; init; } = 20;

    /// <summary>Divides the delays of jobs and of Magic Hour's retries, and the reconciler's schedule.</summary>
    public double TimeCompression { get; init; } = 60;

    /// <summary>The reconciler's limit of requests, which the simulated Magic Hour counts. Its default.</summary>
    public int RequestsPerSecond { get; init; } = 5;

    /// <summary>What happens to the jobs and their events.</summary>
    public FateShares Shares { get; init; } = new() { Errored = 0.1, Canceled = 0.02, Deleted = 0.01, Lost = 0.05, Late = 0.05, Contradicted = 0.02 };

    /// <summary>About a tenth of the API's answers.</summary>
    public IReadOnlyList<FaultRule> Faults { get; init; } =
    [
        new FaultRule { Kind = FaultKind.TooManyRequests, Share = 0.03 },
        new FaultRule { Kind = FaultKind.TooManyRequests, Share = 0.02, RetryAfter = 1 },
        new FaultRule { Kind = FaultKind.InternalServerError, Share = 0.02 },
        new FaultRule { Kind = FaultKind.BadGateway, Share = 0.02 },
        new FaultRule { Kind = FaultKind.ServiceUnavailable, Share = 0.02 },
    ];
}
