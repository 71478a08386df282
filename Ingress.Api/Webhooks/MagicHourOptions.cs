using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Webhooks;

/// <summary>Secrets and time limits agreed with the sender. Section <c>MagicHour</c>.</summary>
internal sealed class MagicHourOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "MagicHour";

    /// <summary>
    /// The active secrets, as the sender shows them, without surrounding white space. During a rotation, the old and the new one. Required,
    /// unless <see cref="WebhookSecretsDirectory"/> is set; no default.
    /// </summary>
    public string[] WebhookSecrets { get; set => field = SecretText.Trim(value); } = [];

    /// <summary>
    /// A mounted folder with one secret per file, polled every few seconds; the file's name is the secret's name in logs and metrics.
    /// Entries that begin with a dot are ignored, and so is white space around a secret. Default: none.
    /// </summary>
    public string? WebhookSecretsDirectory { get; set; }

    /// <summary>
    /// Maximum accepted age of a signature. The sender retries for 24 hours, and its guide does not specify whether it signs a retry anew.
    /// 1 minute to 30 days; default 25 hours.
    /// </summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(25);

    /// <summary>
    /// Age up to which an event is not <c>late</c>, and maximum time that its signature may be ahead of the local clock. 10 seconds to 1
    /// day; default 5 minutes, as in the sender's guide.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan FreshFor { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Policy for an authentic event older than <see cref="FreshFor"/>. Default: <see cref="LatePolicy.Accept"/>.</summary>
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
            if (SecretText.FindError(WebhookSecrets[i]) is { } error)
            {
                yield return new ValidationResult(error, [$"{nameof(WebhookSecrets)}__{i}"]);
            }
        }

        if (!string.IsNullOrWhiteSpace(WebhookSecretsDirectory)
            && SecretFiles.Read(WebhookSecretsDirectory, mayBeEmpty: WebhookSecrets.Length > 0) is { Error: { } folderError })
        {
            yield return new ValidationResult(folderError, [nameof(WebhookSecretsDirectory)]);
        }

        if (FreshFor > MaxAge)
        {
            yield return new ValidationResult("must not be greater than MagicHour__MaxAge.", [nameof(FreshFor)]);
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        for (var i = 0; i < WebhookSecrets.Length; i++)
        {
            if (DefaultSecrets.FindError(WebhookSecrets[i]) is { } error)
            {
                yield return new ValidationResult(error, [$"{nameof(WebhookSecrets)}__{i}"]);
            }
        }

        if (!string.IsNullOrWhiteSpace(WebhookSecretsDirectory)
            && SecretFiles.Read(WebhookSecretsDirectory, mayBeEmpty: true).FindDefaultError() is { } folderError)
        {
            yield return new ValidationResult(folderError, [nameof(WebhookSecretsDirectory)]);
        }
    }
}

/// <summary>Policy for an event that is authentic but late.</summary>
internal enum LatePolicy
{
    /// <summary>Accept and flag it: a replay has no effect, and refusing would lose events that an outage delayed.</summary>
    Accept,

    /// <summary>Refuse it with 401.</summary>
    Reject,
}
