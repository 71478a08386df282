using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Operations;

/// <summary>
/// An OpenID Connect provider that signs people in to the console. Part <c>Oidc</c> of the section <c>Operations</c>. Programs keep using API keys.
/// </summary>
internal sealed class OidcOptions
{
    // A session keeps the values that its person has, in a cookie of at most 4,096 bytes.
    private const int MaxGrants = 20;
    private const int MaxValueLength = 100;

    public const string AuthoritySetting = $"{OperationsOptions.Section}:{nameof(OperationsOptions.Oidc)}:{nameof(Authority)}";

    /// <summary>
    /// The issuer, such as <c>https://login.example.com/realms/platform</c>; outside <c>Development</c>, https. Its <c>.well-known/openid-configuration</c> must be
    /// reachable from this process. Default: none, and only API keys sign in.
    /// </summary>
    public Uri? Authority { get; set; }

    /// <summary>The console's id at the provider, with the redirect URI <c>…/console/sign-in/callback</c>. Required with an authority.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Required with an authority; surrounding white space is trimmed.</summary>
    public string ClientSecret { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>Scopes to request beside <c>openid</c> and <c>profile</c>, such as <c>groups</c>. Default: none.</summary>
    public string[] Scopes { get; set; } = [];

    /// <summary>
    /// The claim with the name of the person, which the audit trail records; without it, <c>sub</c>. It must be one that people cannot change themselves. Default:
    /// <c>preferred_username</c>.
    /// </summary>
    public string NameClaim { get; set; } = "preferred_username";

    /// <summary>The claim whose values grant rights (<see cref="Grants"/>): of the id token or the user info, at their top level. Default: <c>groups</c>.</summary>
    public string RightsClaim { get; set; } = "groups";

    /// <summary>Which value grants which rights. People without any of these values cannot sign in. 1 to 20 with an authority.</summary>
    public ClaimGrant[] Grants { get; set; } = [];

    /// <summary>
    /// The address at which browsers reach this server, such as <c>https://operations.example.com</c>, without a path, when a proxy in front of it ends TLS or
    /// changes the host; outside <c>Development</c>, https. Default: that of the request.
    /// </summary>
    public Uri? PublicUrl { get; set; }

    /// <summary>The rights that values of the claim grant together.</summary>
    public Rights Granted(IEnumerable<string> values) => Grants
        .Where(grant => values.Contains(grant.Value, StringComparer.Ordinal))
        .Aggregate(Rights.None, (rights, grant) => rights | (RightNames.Parse(grant.Rights) ?? Rights.None));

    internal IEnumerable<ValidationResult> FindErrors()
    {
        if (PublicUrl is not null && !(HttpAddress.IsBase(PublicUrl) && PublicUrl.AbsolutePath == "/"))
        {
            yield return Error("must be an absolute http or https address without a path.", nameof(PublicUrl));
        }

        if (Authority is null)
        {
            yield break;
        }

        if (!HttpAddress.IsHttp(Authority))
        {
            yield return Error("must be an absolute http or https address.", nameof(Authority));
        }

        foreach (var (value, name) in new[] { (ClientId, nameof(ClientId)), (NameClaim, nameof(NameClaim)), (RightsClaim, nameof(RightsClaim)) })
        {
            if (string.IsNullOrWhiteSpace(value))
            {
                yield return Error("is empty.", name);
            }
        }

        if (SecretText.FindError(ClientSecret) is { } error)
        {
            yield return Error(error, nameof(ClientSecret));
        }

        if (Grants is [])
        {
            yield return Error("must have at least one value with rights, since people without rights cannot sign in.", $"{nameof(Grants)}__0__{nameof(ClaimGrant.Value)}");
        }

        if (Grants.Length > MaxGrants)
        {
            yield return Error($"are more than {MaxGrants}.", nameof(Grants));
        }

        for (var i = 0; i < Grants.Length; i++)
        {
            if (Grants[i].Value is not { Length: >= 1 and <= MaxValueLength })
            {
                yield return Error($"must have 1 to {MaxValueLength} characters.", $"{nameof(Grants)}__{i}__{nameof(ClaimGrant.Value)}");
            }

            if (Grants[i].Rights is [] || RightNames.Parse(Grants[i].Rights) is null)
            {
                yield return Error($"must be some of {string.Join(", ", RightNames.All)}.", $"{nameof(Grants)}__{i}__{nameof(ClaimGrant.Rights)}");
            }
        }
    }

    /// <summary>What is not accepted outside <c>Development</c>.</summary>
    internal IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        foreach (var (address, name) in new[] { (Authority, nameof(Authority)), (PublicUrl, nameof(PublicUrl)) })
        {
            if (address is { IsAbsoluteUri: true, Scheme: "http" })
            {
                yield return Error("must be https outside Development: over http, anyone on the way could sign in.", name);
            }
        }

        if (DefaultSecrets.FindError(ClientSecret) is { } error)
        {
            yield return Error(error, nameof(ClientSecret));
        }
    }

    private static ValidationResult Error(string text, string setting) => new(text, [$"{nameof(OperationsOptions.Oidc)}__{setting}"]);
}

/// <summary>The rights of everyone whose claim has a value.</summary>
internal sealed class ClaimGrant
{
    /// <summary>The value, such as the name of a group; 1 to 100 characters, case-sensitive.</summary>
    public string Value { get; set; } = "";

    /// <summary>At least one of <c>read</c>, <c>operate</c>, <c>erase</c>, <c>raw</c>.</summary>
    public string[] Rights { get; set; } = [];
}
