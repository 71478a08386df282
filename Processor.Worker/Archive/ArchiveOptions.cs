using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Archive;

/// <summary>The archive of downloads in an S3-compatible store. Section <c>Archive</c>. Without a bucket, nothing is archived.</summary>
internal sealed class ArchiveOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "Archive";

    /// <summary>
    /// The address of the store, https; http only in the environment <c>Development</c>. Buckets are in its path
    /// (<c>https://s3.example.com/bucket</c>). Default: none; required with <see cref="Bucket"/>.
    /// </summary>
    public Uri? Endpoint { get; set; }

    /// <summary>The address in links, if owners reach the store by another one. Default: <see cref="Endpoint"/>.</summary>
    public Uri? PublicEndpoint { get; set; }

    /// <summary>The region that requests are signed for. Default: <c>us-east-1</c>, which most stores accept.</summary>
    public string Region { get; set; } = "us-east-1";

    /// <summary>The bucket, which must exist. Default: none, and no archive.</summary>
    public string Bucket { get; set; } = "";

    /// <summary>The beginning of every object's key, such as <c>downloads/</c>. At most 200 characters. Default: none.</summary>
    [MaxLength(200)]
    public string Prefix { get; set; } = "";

    /// <summary>The id of the access key; surrounding white space is trimmed. Required with <see cref="Bucket"/>.</summary>
    public string AccessKey { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>The secret of the access key; surrounding white space is trimmed. Required with <see cref="Bucket"/>.</summary>
    public string SecretKey { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>How long a link is valid. 1 hour to 7 days, which is the most that S3 allows; default 24 hours.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "7.00:00:00")]
    public TimeSpan LinkLifetime { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Downloads that are copied at the same time. 1 to 32; default 4. Each needs up to 20 MB of memory.</summary>
    [Range(1, 32)]
    public int Concurrency { get; set; } = 4;

    /// <summary>The largest download to copy, in bytes. 1 MiB to 64 GiB; default 10 GiB.</summary>
    [Range(1L << 20, 64L << 30)]
    public long MaxBytes { get; set; } = 10L << 30;

    public bool IsConfigured => Bucket.Length > 0;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsConfigured)
        {
            yield break;
        }

        if (Endpoint is null || !HttpAddress.IsBase(Endpoint))
        {
            yield return new ValidationResult("must be the absolute http or https address of the store, without user, query or fragment.", [nameof(Endpoint)]);
        }

        if (PublicEndpoint is not null && !HttpAddress.IsBase(PublicEndpoint))
        {
            yield return new ValidationResult("must be an absolute http or https address, without user, query or fragment.", [nameof(PublicEndpoint)]);
        }

        if (AccessKey.Length == 0)
        {
            yield return new ValidationResult("is required with a bucket.", [nameof(AccessKey)]);
        }

        if (SecretKey.Length == 0 || SecretText.FindError(SecretKey) is not null)
        {
            yield return new ValidationResult(SecretKey.Length == 0 ? "is required with a bucket." : SecretText.FindError(SecretKey), [nameof(SecretKey)]);
        }
    }

    /// <summary>Also an address without TLS: like a default secret, it is accepted in the environment <c>Development</c> only.</summary>
    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        if (DefaultSecrets.FindError(SecretKey) is { } error)
        {
            yield return new ValidationResult(error, [nameof(SecretKey)]);
        }

        (string Name, Uri? Url)[] addresses = [(nameof(Endpoint), Endpoint), (nameof(PublicEndpoint), PublicEndpoint)];
        foreach (var (name, _) in addresses.Where(one => IsConfigured && one.Url is { IsAbsoluteUri: true, Scheme: not "https" }))
        {
            yield return new ValidationResult("must begin with https:// unless DOTNET_ENVIRONMENT is Development.", [name]);
        }
    }
}
