using System.Collections;
using System.Net;
using System.Runtime.CompilerServices;

namespace Platform.ServiceDefaults.Hosting;

/// <summary>
/// Uses the proxies from the environment (<c>http_proxy</c>, <c>HTTPS_PROXY</c>, <c>ALL_PROXY</c>), but none for loopback addresses: a
/// proxy would resolve 127.0.0.1 to its own machine, and .NET uses it for loopback too unless <c>no_proxy</c> excludes it.
/// </summary>
/// <param name="others">Proxy for all other addresses.</param>
public sealed class DirectLoopback(IWebProxy others) : IWebProxy
{
    /// <inheritdoc/>
    public ICredentials? Credentials
    {
        get => others.Credentials;
        set => others.Credentials = value;
    }

    /// <summary>Applies to every HTTP client of this process that sets no proxy of its own. Call it before the first request.</summary>
    public static void Use()
    {
        // Most processes have no proxy, and some never use an HTTP client: do not load one for this.
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Any(IsProxy))
        {
            WrapDefault();
        }
    }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination) => destination.IsLoopback ? null : others.GetProxy(destination);

    /// <inheritdoc/>
    public bool IsBypassed(Uri host) => host.IsLoopback || others.IsBypassed(host);

    private static bool IsProxy(DictionaryEntry variable) => ((string)variable.Key).EndsWith("_proxy", StringComparison.OrdinalIgnoreCase);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WrapDefault()
    {
        if (HttpClient.DefaultProxy is not DirectLoopback)
        {
            HttpClient.DefaultProxy = new DirectLoopback(HttpClient.DefaultProxy);
        }
    }
}
