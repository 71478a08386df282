using System.Runtime.CompilerServices;
using Platform.ServiceDefaults.Hosting;

namespace Platform.ServiceDefaults;

/// <summary>Tests ask only this machine, whatever proxy is set where they run.</summary>
internal static class DirectLoopbackInTests
{
    [ModuleInitializer]
    internal static void Use() => DirectLoopback.Use();
}
