namespace Platform.Simulator.Api;

/// <summary>A fault of the API, and the calls that it affects.</summary>
public sealed record FaultRule
{
    public required FaultKind Kind { get; init; }

    /// <summary>The affected method. Default: <c>GET</c>. Faults of a body affect only <c>GET</c> of a project.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>The affected job; null: all.</summary>
    public string? JobId { get; init; }

    /// <summary>The affected share of calls, from 0 to 1. Default: all.</summary>
    public double Share { get; init; } = 1;

    /// <summary>The number of calls after which the fault ends; null: it lasts until it is cleared.</summary>
    public int? Times { get; init; }

    /// <summary>Seconds in the header <c>Retry-After</c> of an error; null: without the header, as documented.</summary>
    public int? RetryAfter { get; init; }
}

/// <summary>What goes wrong.</summary>
public enum FaultKind
{
    PaymentRequired,
    Forbidden,
    TooManyRequests,
    InternalServerError,
    BadGateway,
    ServiceUnavailable,

    /// <summary>No answer until the client gives up.</summary>
    Hang,

    /// <summary>302 to an address of another path, which is counted when followed.</summary>
    Redirect,

    /// <summary>One byte of the body a second.</summary>
    SlowBody,

    /// <summary>The first half of the body.</summary>
    TruncatedJson,

    /// <summary>A body of 5 MiB.</summary>
    HugeBody,

    UnknownStatus,
    UnknownFields,

    /// <summary>Without <c>downloads</c>.</summary>
    MissingDownloads,

    /// <summary>Only <c>id</c> and <c>status</c>.</summary>
    MissingFields,

    /// <summary><c>name</c> is null.</summary>
    NullName,
}
