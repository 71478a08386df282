using System.Reflection;

namespace Platform.ServiceDefaults.Hosting;

/// <summary>The version of the platform from which this program was built.</summary>
public static class BuildVersion
{
    /// <summary>The argument that prints the version.</summary>
    public const string Option = "--version";

    /// <summary>
    /// A release and its commit, such as <c>1.2.0+3af9f4a…</c>; between releases, also the number of commits since the last one, such as
    /// <c>1.2.1-alpha.0.5+3af9f4a…</c>. Without the commit when it was unknown to the build.
    /// </summary>
    public static string Text { get; } =
        typeof(BuildVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
