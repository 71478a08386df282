using System.ComponentModel.DataAnnotations;

namespace Ingress.Api.Webhooks;

/// <summary>What is agreed with the sender. Section <c>MagicHour</c>.</summary>
internal sealed class MagicHourOptions : IValidatableObject
{
    public const string Section = "MagicHour";

    /// <summary>
    /// The active secrets, exactly as the sender shows them. During a rotation the old and the new one. Required, unless
    /// <see cref="WebhookSecretsDirectory"/> is set; no default.
    /// </summary>
    public string[] WebhookSecrets { get; set; } = [];

    /// <summary>
    /// A mounted folder with one secret in each file, looked at every few seconds; the file's name is the secret's name in logs and
    /// metrics. Entries that begin with a dot are ignored, a newline at the end is not part of the secret. Default: none.
    /// </summary>
    public string? WebhookSecretsDirectory { get; set; }

    /// <summary>
    /// The greatest age that is accepted. The sender retries for 24 hours and does not say whether it signs a retry anew. 1 minute to
    /// 30 days; default 25 hours.
    /// </summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(25);

    /// <summary>
    /// The age up to which an event is not <c>late</c>, and how far ahead of our clock it may be signed. 10 seconds to 1 day; default
    /// 5 minutes, as the sender's guide has it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan FreshFor { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>What is done with an authentic event older than <see cref="FreshFor"/>. Default: <see cref="LatePolicy.Accept"/>.</summary>
    [EnumDataType(typeof(LatePolicy))]
    public LatePolicy LatePolicy { get; set; } = LatePolicy.Accept;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (WebhookSecrets.Length == 0 && string.IsNullOrWhiteSpace(WebhookSecretsDirectory))
        {
            yield return new ValidationResult(
                "is missing. Set MagicHour__WebhookSecrets__0 to the secret that the sender shows beside the webhook.", [nameof(WebhookSecrets)]);
        }

        for (var i = 0; i < WebhookSecrets.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(WebhookSecrets[i]))
            {
                yield return new ValidationResult("is empty.", [$"{nameof(WebhookSecrets)}__{i}"]);
            }
        }

        if (!string.IsNullOrWhiteSpace(WebhookSecretsDirectory)
            && SecretFiles.Read(WebhookSecretsDirectory, mayBeEmpty: WebhookSecrets.Length > 0) is { Error: { } error })
        {
            yield return new ValidationResult(error, [nameof(WebhookSecretsDirectory)]);
        }

        if (FreshFor > MaxAge)
        {
            yield return new ValidationResult("must not be greater than MagicHour__MaxAge.", [nameof(FreshFor)]);
        }
    }
}

/// <summary>What is done with an event that is authentic but late.</summary>
internal enum LatePolicy
{
    /// <summary>It is taken and flagged: a replay has no effect, and refusing it would lose what an outage delayed.</summary>
    Accept,

    /// <summary>It is refused with 401.</summary>
    Reject,
}
