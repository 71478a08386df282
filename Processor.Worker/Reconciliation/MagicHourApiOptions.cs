using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Reconciliation;

/// <summary>Magic Hour's REST API. Section <c>MagicHourApi</c>. Without a key, nothing is reconciled.</summary>
internal sealed class MagicHourApiOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "MagicHourApi";

    /// <summary>The address before <c>/v1</c>, http or https. Default: <c>https://api.magichour.ai</c>.</summary>
    public Uri BaseUrl { get; set; } = new("https://api.magichour.ai");

    /// <summary>The API key; surrounding white space is trimmed. Default: none.</summary>
    public string Key { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>
    /// A file with the API key, which is read again every few seconds, so that a new key needs no restart; the last valid one is kept. It takes
    /// precedence over <see cref="Key"/>, and may be created later. Default: none.
    /// </summary>
    public string KeyFile { get; set; } = "";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (BaseUrl is null || !HttpAddress.IsBase(BaseUrl))
        {
            yield return new ValidationResult("must be an absolute http or https address, without user, query or fragment.", [nameof(BaseUrl)]);
        }

        if (Key.Length > 0 && SecretText.FindError(Key) is { } error)
        {
            yield return new ValidationResult(error, [nameof(Key)]);
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        if (DefaultSecrets.FindError(Key) is { } error)
        {
            yield return new ValidationResult(error, [nameof(Key)]);
        }
    }
}
