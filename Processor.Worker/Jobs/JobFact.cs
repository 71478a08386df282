using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Jobs;

/// <summary>
/// The content of one event about its job. Stored with the event (<c>webhook_events.fact</c>), so that <c>jobs</c> can be recomputed
/// from the events at any time: see <see cref="Job.From"/>.
/// </summary>
internal sealed record JobFact
{
    public required JobStatus Status { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>: from the event's type, because a tool such as FACE_SWAP has several.</summary>
    public required string Resource { get; init; }

    /// <summary>When the earliest delivery was received, to the microsecond, the precision of PostgreSQL.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    public string? ProjectType { get; init; }

    public string? Name { get; init; }

    public long? CreditsCharged { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>When a body first reported the project as deleted. Null when none did.</summary>
    public DateTimeOffset? DeletedAt { get; init; }

    /// <summary>The files offered by all bodies of the event. Only for merging; read <see cref="Downloads"/>.</summary>
    [JsonPropertyName("downloads")]
    public IReadOnlyList<Download> Offers { get; init; } = [];

    /// <summary>A body offered more files, or longer URLs, than are kept (<see cref="JobLimits"/>).</summary>
    [JsonPropertyName("cut")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsCut { get; init; }

    /// <summary>Every file once. Trimmed here too, because facts from before the limits may have more offers.</summary>
    [JsonIgnore]
    public IReadOnlyList<Download> Downloads => JobLimits.Cut(Download.ByUrl(Offers));

    /// <summary>
    /// Merges two deliveries of one event. The earlier one wins; only the offers and the deletion can be added. The merge is commutative, associative and
    /// idempotent, so neither order nor repetition matters. Exception: beyond <see cref="JobLimits.Downloads"/> files, which no real job
    /// has, a file that was dropped may keep an earlier URL when it is offered again.
    /// </summary>
    public JobFact Merge(JobFact other)
    {
        var earlier = IsBefore(other) ? this : other;
        var all = Download.Union(Offers, other.Offers);
        var offers = JobLimits.Cut(all);
        return earlier with
        {
            Offers = offers,
            IsCut = IsCut || other.IsCut || offers.Count < all.Count,
            DeletedAt = DeletedAt is null || other.DeletedAt < DeletedAt ? other.DeletedAt : DeletedAt,
        };
    }

    public string ToJson() => JsonSerializer.Serialize(this, JobJson.Default.JobFact);

    /// <summary>Parses the result of <see cref="ToJson"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static JobFact FromJson(string json) =>
        StoredJson.Read(json, JobJson.Default.JobFact, "a fact") ?? throw new NewerVersionException("a fact");

    // Tie-break for the same microsecond: arbitrary, but deterministic.
    private bool IsBefore(JobFact other) => ReceivedAt != other.ReceivedAt
        ? ReceivedAt < other.ReceivedAt
        : string.CompareOrdinal(WithoutOffers(this), WithoutOffers(other)) < 0;

    private static string WithoutOffers(JobFact fact) => (fact with { Offers = [], IsCut = false, DeletedAt = null }).ToJson();
}

/// <summary>One file that a completed job offers.</summary>
/// <param name="Url">Signed: a credential.</param>
/// <param name="ExpiresAt">The sender's text. Null when the sender gave none.</param>
/// <param name="SeenAt">When the earliest body that offers it was received.</param>
/// <param name="Position">Its index in that body's list.</param>
internal sealed record Download(string Url, string? ExpiresAt, DateTimeOffset SeenAt, int Position)
{
    /// <summary>The body offers several files under one path, so the query string identifies the file as well.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool NeedsQuery { get; init; }

    [JsonIgnore]
    public DateTimeOffset? Expiry => DownloadExpiry.Read(ExpiresAt);

    // A newly signed URL denotes the same file, provided that paths alone distinguish the files of its body.
    private (bool, string) File => (NeedsQuery, NeedsQuery ? Url : Path(Url));

    public JobDownload ToContract() => new(Url, Expiry);

    /// <summary>The files of one body, one for each URL.</summary>
    public static IReadOnlyList<Download> FromBody(IReadOnlyList<Download> downloads)
    {
        var urlsByPath = downloads.Select(download => download.Url).Distinct().ToLookup(Path);
        return Union(downloads.Select(download => download with { NeedsQuery = urlsByPath[Path(download.Url)].Skip(1).Any() }), []);
    }

    /// <summary>The files of both lists, each with the URL that is valid longer; ordered by the earliest body, then by its list.</summary>
    public static IReadOnlyList<Download> Union(IEnumerable<Download> some, IEnumerable<Download> others) =>
        Merge(some.Concat(others), download => download.File);

    /// <summary>
    /// Removes duplicates that remain when paths distinguish the files in one body but not in another. Not a part of
    /// <see cref="Union"/>: a later merge may need the entries dropped here.
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
        // Compares the written times: "never", in year 9999, counts as the longest.
        var byExpiry = Nullable.Compare(JobPayload.ReadTime(one.ExpiresAt), JobPayload.ReadTime(other.ExpiresAt));
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
