using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>
/// The session of a browser: an encrypted cookie that says who signed in and when the session ends. Every request compares it with the settings, so that
/// removing a key, or the rights of a group, ends its sessions.
/// </summary>
internal sealed class Session(IDataProtectionProvider protection, ApiKeys keys, IOptions<OperationsOptions> options, TimeProvider time)
{
    /// <summary>From the sign-in, whether it is used or not.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(8);

    private const string CookieName = "console";

    private readonly IDataProtector _protector = protection.CreateProtector("session");

    /// <returns>False when no such key is configured.</returns>
    public bool TryStartWithKey(HttpContext http, string key)
    {
        var hash = ApiKeys.Hash(key);
        if (keys.Identify(hash) is null)
        {
            return false;
        }

        Write(http, new Content(End(), hash, null, []));
        return true;
    }

    /// <param name="name">Who the provider says it is; for the audit trail.</param>
    /// <param name="values">The values of the claim for rights. Those that grant none are not kept.</param>
    /// <returns>False when they grant no rights.</returns>
    public bool TryStartForPerson(HttpContext http, string name, IEnumerable<string> values)
    {
        // Those in the settings fit the 4,096 bytes of a cookie.
        string[] grants = [.. values.Distinct(StringComparer.Ordinal).Where(value => options.Value.Oidc.Granted([value]) is not Rights.None)];
        if (grants is [])
        {
            return false;
        }

        Write(http, new Content(End(), null, name, grants));
        return true;
    }

    /// <returns>True for a session that a person has started, false for one of a key, or none.</returns>
    public bool IsOfPerson(HttpContext http) => Read(http)?.Name is not null;

    public static void End(HttpContext http) => http.Response.Cookies.Delete(CookieName, new CookieOptions { Path = Links.Root });

    /// <returns>Null without a session, or when it has ended.</returns>
    public Caller? Find(HttpContext http) => Read(http) is { } content && content.Ends > time.GetUtcNow() ? Identify(content) : null;

    private DateTimeOffset End() => time.GetUtcNow() + Lifetime;

    private Caller? Identify(Content content)
    {
        if (content.Name is not { } name)
        {
            return keys.Identify(content.KeyHash);
        }

        var oidc = options.Value.Oidc;
        var rights = oidc.Authority is null ? Rights.None : oidc.Granted(content.Grants);
        return rights is Rights.None ? null : Caller.ForPerson(name, rights);
    }

    private void Write(HttpContext http, Content content) => http.Response.Cookies.Append(
        CookieName,
        WebEncoders.Base64UrlEncode(_protector.Protect(JsonSerializer.SerializeToUtf8Bytes(content))),
        new CookieOptions { Path = Links.Root, MaxAge = Lifetime });

    private Content? Read(HttpContext http)
    {
        if (http.Request.Cookies[CookieName] is not { Length: > 0 } text)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<Content>(_protector.Unprotect(WebEncoders.Base64UrlDecode(text)));
        }
        catch (Exception exception) when (exception is FormatException or JsonException or CryptographicException && !IsOutage(exception))
        {
            // Not encrypted here, changed since, or of another version.
            return null;
        }
    }

    // The protector wraps whatever happens while it loads its keys.
    private static bool IsOutage(Exception? exception) => exception is not null && (exception is DbException || IsOutage(exception.InnerException));

    /// <param name="KeyHash">Of the API key; null for a person.</param>
    /// <param name="Grants">The values that grant the person rights.</param>
    private sealed record Content(DateTimeOffset Ends, byte[]? KeyHash, string? Name, string[] Grants);
}
