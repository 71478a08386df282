using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Operations;

/// <summary>Access to the operations API. Section <c>Operations</c>. Without a key the API is off.</summary>
internal sealed class OperationsOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "Operations";

    // 24 characters of base64 are 144 random bits; of hexadecimal digits, 96.
    private const int MinKeyLength = 24;

    /// <summary>
    /// Keys without a name: bearer tokens with full access, at least 24 characters each, with surrounding white space trimmed. Each is an
    /// identity of its own: a job registered with one cannot be updated with another. Name the keys (<see cref="Keys"/>) that must be
    /// rotated. Default: none.
    /// </summary>
    public string[] ApiKeys { get; set => field = SecretText.Trim(value); } = [];

    /// <summary>
    /// Keys with a name. Keys with the same name share one identity: during a rotation, configure both the old and the new key on every
    /// replica. Default: none.
    /// </summary>
    public NamedKey[] Keys { get; set; } = [];

    private IEnumerable<(string Key, string Setting)> All =>
    [
        .. ApiKeys.Select((key, i) => (key, $"{nameof(ApiKeys)}__{i}")),
        .. Keys.Select((key, i) => (key.Key, $"{nameof(Keys)}__{i}__{nameof(NamedKey.Key)}")),
    ];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (key, setting) in All)
        {
            var error = SecretText.FindError(key)
                ?? (key.Length < MinKeyLength ? $"must have at least {MinKeyLength} characters." : null)
                // Duplicates are rejected, so that a key has exactly one identity.
                ?? (All.First(other => other.Key == key).Setting is var first && first != setting ? $"is the same as {Section}__{first}." : null);
            if (error is not null)
            {
                yield return new ValidationResult(error, [setting]);
            }
        }

        for (var i = 0; i < Keys.Length; i++)
        {
            if (!NamedKey.IsName(Keys[i].Name))
            {
                yield return new ValidationResult(
                    "must be 1 to 64 letters, digits, '.', '_' or '-', and not look like the fingerprint of a key.",
                    [$"{nameof(Keys)}__{i}__{nameof(NamedKey.Name)}"]);
            }
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets() =>
        from one in All
        let error = DefaultSecrets.FindError(one.Key)
        where error is not null
        select new ValidationResult(error, [one.Setting]);
}

/// <summary>A key with its owner's name.</summary>
internal sealed partial class NamedKey
{
    /// <summary>1 to 64 ASCII letters, digits, dots, underscores and hyphens; case-sensitive. It is stored and logged.</summary>
    public string Name { get; set; } = "";

    /// <summary>At least 24 characters, with surrounding white space trimmed.</summary>
    public string Key { get; set => field = SecretText.Trim(value); } = "";

    // The fingerprint is the identity of a key without a name, so it must not be used as a name (ApiKeys).
    public static bool IsName(string? name) => name is not null && Written().IsMatch(name) && !Fingerprint().IsMatch(name);

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex Written();

    [GeneratedRegex(@"^[0-9a-f]{16}\z")]
    private static partial Regex Fingerprint();
}

/// <summary>The Jaeger UI for links to traces. Section <c>Jaeger</c>.</summary>
internal sealed class JaegerOptions : IValidatableObject
{
    public const string Section = "Jaeger";

    /// <summary>Base URL of the UI in a browser, such as <c>http://127.0.0.1:16686</c>. Default: none, and no links.</summary>
    public Uri? BaseUrl { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (BaseUrl is { IsAbsoluteUri: false } or { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must be an absolute http or https address.", [nameof(BaseUrl)]);
        }
    }

    /// <summary>The page of a trace; null without a trace or a base URL.</summary>
    public Uri? LinkTo(string? traceId) =>
        BaseUrl is null || traceId is null ? null : new Uri($"{BaseUrl.AbsoluteUri.TrimEnd('/')}/trace/{traceId}");
}
