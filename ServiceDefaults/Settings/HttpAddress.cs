namespace Platform.ServiceDefaults.Settings;

/// <summary>Checks addresses in settings.</summary>
public static class HttpAddress
{
    /// <summary>True for an absolute http or https address.</summary>
    public static bool IsHttp(Uri address) => address is { IsAbsoluteUri: true, Scheme: "http" or "https" };

    /// <summary>True for an absolute http or https address without user, query or fragment, to which a path can be added.</summary>
    public static bool IsBase(Uri address) => IsHttp(address) && address is { Query: "", Fragment: "", UserInfo: "" };
}
