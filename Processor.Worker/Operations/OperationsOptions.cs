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

    /// <summary>Streams of server-sent events of one process at once; a further one gets 503. 0 to 10,000. Default: 100.</summary>
    [Range(0, 10_000)]
    public int MaxStreams { get; set; } = 100;

    /// <summary>
    /// Opens the console once for each start of the process, with the rights of the first key: <c>/console/sign-in?token=…</c>. At least 24 characters; only in
    /// <c>Development</c>. Empty is none. Default: none.
    /// </summary>
    public string? SignInToken { get; set => field = string.IsNullOrWhiteSpace(value) ? null : value; }

    /// <summary>Signs people in to the console; it exists with this provider or a key. Default: none.</summary>
    public OidcOptions Oidc { get; set; } = new();

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

        if (SignInToken is not null && !All.Any())
        {
            yield return new ValidationResult("needs a key, whose rights it gives.", [nameof(SignInToken)]);
        }
        else if (SignInToken is { Length: < MinKeyLength })
        {
            yield return new ValidationResult($"must have at least {MinKeyLength} characters.", [nameof(SignInToken)]);
        }

        foreach (var error in Oidc.FindErrors())
        {
            yield return error;
        }

        for (var i = 0; i < Keys.Length; i++)
        {
            if (!NamedKey.IsName(Keys[i].Name))
            {
                yield return new ValidationResult(
                    "must be 1 to 64 letters, digits, '.', '_' or '-', and not look like the fingerprint of a key.",
                    [$"{nameof(Keys)}__{i}__{nameof(NamedKey.Name)}"]);
            }

            if (RightNames.Parse(Keys[i].Rights) is null)
            {
                yield return new ValidationResult(
                    $"must be some of {string.Join(", ", RightNames.All)}.", [$"{nameof(Keys)}__{i}__{nameof(NamedKey.Rights)}"]);
            }
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets() =>
        (from one in All
         let error = DefaultSecrets.FindError(one.Key)
         where error is not null
         select new ValidationResult(error, [one.Setting])).Concat(Oidc.FindDefaultSecrets());
}

/// <summary>A key with its owner's name.</summary>
internal sealed partial class NamedKey
{
    /// <summary>1 to 64 ASCII letters, digits, dots, underscores and hyphens; case-sensitive. It is stored and logged.</summary>
    public string Name { get; set; } = "";

    /// <summary>At least 24 characters, with surrounding white space trimmed.</summary>
    public string Key { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>
    /// What the key may do: <c>read</c>, <c>operate</c>, <c>erase</c>, <c>raw</c>. Default: none listed, which means all of them, because
    /// keys are older than rights.
    /// </summary>
    public string[] Rights { get; set; } = [];

    /// <summary>The rights as validated.</summary>
    internal Rights Granted => Rights is [] ? Operations.Rights.All : RightNames.Parse(Rights) ?? Operations.Rights.None;

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
        if (BaseUrl is not null && !HttpAddress.IsHttp(BaseUrl))
        {
            yield return new ValidationResult("must be an absolute http or https address.", [nameof(BaseUrl)]);
        }
    }

    /// <summary>The page of a trace; null without a trace or a base URL.</summary>
    public Uri? LinkTo(string? traceId) =>
        BaseUrl is null || traceId is null ? null : new Uri($"{BaseUrl.AbsoluteUri.TrimEnd('/')}/trace/{traceId}");
}
