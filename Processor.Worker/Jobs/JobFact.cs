using System.Text.Json;
using System.Text.Json.Serialization;
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
    public IReadOnlyList<Download> Downloads => LimitedDownloads.From(Download.ByUrl(Offers)).Kept;

    /// <summary>
    /// Merges two deliveries of one event. The earlier one wins; only the offers and the deletion can be added. The merge is commutative, associative and
    /// idempotent, so neither order nor repetition matters. Exception: beyond <see cref="JobLimits.Downloads"/> files, which no real job
    /// has, a file that was dropped may keep an earlier URL when it is offered again.
    /// </summary>
    public JobFact Merge(JobFact other)
    {
        var earlier = IsBefore(other) ? this : other;
        var offers = LimitedDownloads.From(Download.Union(Offers, other.Offers));
        return earlier with
        {
            Offers = offers.Kept,
            IsCut = IsCut || other.IsCut || offers.IsCut,
            DeletedAt = DeletedAt is null || other.DeletedAt < DeletedAt ? other.DeletedAt : DeletedAt,
        };
    }

    /// <summary>The fact as UTF-8.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, JobJson.Default.JobFact);

    /// <summary>Parses the result of <see cref="ToJson"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static JobFact FromJson(ReadOnlySpan<byte> json) =>
        StoredJson.Read(json, JobJson.Default.JobFact, "a fact") ?? throw new NewerVersionException("a fact");

    // Tie-break for the same microsecond: arbitrary, but deterministic.
    private bool IsBefore(JobFact other) => ReceivedAt != other.ReceivedAt
        ? ReceivedAt < other.ReceivedAt
        : WithoutOffers(this).AsSpan().SequenceCompareTo(WithoutOffers(other)) < 0;

    private static byte[] WithoutOffers(JobFact fact) => (fact with { Offers = [], IsCut = false, DeletedAt = null }).ToJson();
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(JobFact))]
[JsonSerializable(typeof(VisibleDownload[]))]
internal sealed partial class JobJson : JsonSerializerContext;
