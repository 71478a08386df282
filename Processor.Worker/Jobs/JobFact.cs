using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>
/// What one event says about its job. Kept with the event (<c>webhook_events.fact</c>), so that <c>jobs</c> can be computed from
/// the events at any time: see <see cref="Job.Of"/>.
/// </summary>
internal sealed record JobFact
{
    public required JobStatus Status { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>: from the event's type, because a tool such as FACE_SWAP is both.</summary>
    public required string Resource { get; init; }

    /// <summary>When the earliest delivery was received; to the microsecond, as PostgreSQL keeps it.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    public string? ProjectType { get; init; }

    public string? Name { get; init; }

    public long? CreditsCharged { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>What the bodies of the event offer. For everyone else there is <see cref="Downloads"/>.</summary>
    [JsonPropertyName("downloads")]
    public IReadOnlyList<Download> Offers { get; init; } = [];

    /// <summary>Every file, each under one URL.</summary>
    [JsonIgnore]
    public IReadOnlyList<Download> Downloads => Download.ByUrl(Offers);

    /// <summary>
    /// What two deliveries of one event say together. The earlier one is right; only the offers can grow. The merge is
    /// commutative, associative and idempotent, so neither order nor repetition matters.
    /// </summary>
    public JobFact Merge(JobFact other)
    {
        var earlier = IsBefore(other) ? this : other;
        return earlier with { Offers = Download.Union(Offers, other.Offers) };
    }

    public string ToJson() => JsonSerializer.Serialize(this, JobJson.Default.JobFact);

    public static JobFact FromJson(string json) =>
        JsonSerializer.Deserialize(json, JobJson.Default.JobFact) ?? throw new JsonException("A job fact is null.");

    // Received in the same microsecond: any rule will do, as long as it is always the same one.
    private bool IsBefore(JobFact other) => ReceivedAt != other.ReceivedAt
        ? ReceivedAt < other.ReceivedAt
        : string.CompareOrdinal(WithoutOffers(this), WithoutOffers(other)) < 0;

    private static string WithoutOffers(JobFact fact) => (fact with { Offers = [] }).ToJson();
}

/// <summary>One file that a completed job offers.</summary>
/// <param name="Url">Signed: a credential.</param>
/// <param name="ExpiresAt">As the sender wrote it. Null when it did not say.</param>
/// <param name="SeenAt">When the earliest body that has it was received.</param>
/// <param name="Position">Its place in the list of that body.</param>
internal sealed record Download(string Url, string? ExpiresAt, DateTimeOffset SeenAt, int Position)
{
    /// <summary>The body offers another file under the same path: here the query is more than a credential.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool NeedsQuery { get; init; }

    [JsonIgnore]
    public DateTimeOffset? Expiry => JobPayload.ReadTime(ExpiresAt);

    // The same file under a newly signed URL is the same file, as long as its body tells its files apart by their paths.
    private (bool, string) File => (NeedsQuery, NeedsQuery ? Url : Path(Url));

    public JobDownload ToContract() => new(Url, Expiry);

    /// <summary>The files of one body: as many as it has URLs.</summary>
    public static IReadOnlyList<Download> OfBody(IReadOnlyList<Download> downloads)
    {
        var urlsByPath = downloads.Select(download => download.Url).Distinct().ToLookup(Path);
        return Union(downloads.Select(download => download with { NeedsQuery = urlsByPath[Path(download.Url)].Skip(1).Any() }), []);
    }

    /// <summary>Every file of both lists, each under the URL that is valid longer; those of the earliest body first, in its order.</summary>
    public static IReadOnlyList<Download> Union(IEnumerable<Download> some, IEnumerable<Download> others) =>
        Merge(some.Concat(others), download => download.File);

    /// <summary>
    /// Once where one body tells its files apart by their paths and another needs the query. Not a part of <see cref="Union"/>: what it
    /// leaves out may be needed for the next body.
    /// </summary>
    public static IReadOnlyList<Download> ByUrl(IEnumerable<Download> offers) => Merge(offers, offer => offer.Url);

    private static IReadOnlyList<Download> Merge<TKey>(IEnumerable<Download> downloads, Func<Download, TKey> key) =>
    [
        .. downloads.GroupBy(key, (_, same) => same.Aggregate(LongerValid))
            .OrderBy(download => download.SeenAt).ThenBy(download => download.Position)
            .ThenBy(download => download.Url, StringComparer.Ordinal).ThenBy(download => download.NeedsQuery),
    ];

    private static Download LongerValid(Download one, Download other)
    {
        var byExpiry = Nullable.Compare(one.Expiry, other.Expiry);
        var byUrl = byExpiry != 0 ? byExpiry : string.CompareOrdinal(one.Url, other.Url);
        var byText = byUrl != 0 ? byUrl : string.CompareOrdinal(one.ExpiresAt, other.ExpiresAt);
        var first = (one.SeenAt, one.Position).CompareTo((other.SeenAt, other.Position)) <= 0 ? one : other;
        return (byText >= 0 ? one : other) with { SeenAt = first.SeenAt, Position = first.Position };
    }

    private static string Path(string url) => url.Split('?', 2)[0];
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(JobFact))]
[JsonSerializable(typeof(IEnumerable<VisibleDownload>))]
internal sealed partial class JobJson : JsonSerializerContext;
