using System.Net;
using System.Net.Sockets;

namespace Platform.DevStack;

/// <summary>
/// Claims ports of the loopback interface, each for one server of the platform on this machine. A claim lasts until this process ends: the
/// server binds the port moments later, and a process of another checkout must not find it free meanwhile.
/// </summary>
internal static class PortClaim
{
    private const int FirstPort = 15_000;
    private const int FewestPorts = 5_000;

    private static readonly int Beyond = ReadFirstOfTheSystem();
    private static readonly List<Socket> Claims = [];

    /// <summary>The preferred port if it is free, otherwise any.</summary>
    /// <param name="preferred">0 for any.</param>
    public static int Take(int preferred)
    {
        var port = preferred;
        while (port == 0 || !TryTake(port))
        {
            port = Random.Shared.Next(FirstPort, Beyond);
        }

        return port;
    }

    private static bool TryTake(int port)
    {
        if (Claim(port) is not { } claim)
        {
            return false;
        }

        if (!CanBind(port))
        {
            claim.Dispose();
            return false;
        }

        lock (Claims)
        {
            Claims.Add(claim);
        }

        return true;
    }

    /// <summary>Binds an abstract socket name: unique on the machine like a port, without a file, and released when the process ends.</summary>
    private static Socket? Claim(int port)
    {
        var claim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Only Linux has abstract names; elsewhere servers run in containers.
            if (OperatingSystem.IsLinux())
            {
                claim.Bind(new UnixDomainSocketEndPoint($"\0platform-port-{port}"));
            }

            return claim;
        }
        catch (SocketException)
        {
            claim.Dispose();
            return null;
        }
    }

    private static bool CanBind(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The first ephemeral port. The system hands ephemeral ports to connections and to binds of port 0, so none stays free for long.</summary>
    private static int ReadFirstOfTheSystem()
    {
        const string Setting = "/proc/sys/net/ipv4/ip_local_port_range";
        var first = File.Exists(Setting) && int.TryParse(File.ReadAllText(Setting).Split('\t', ' ')[0], out var begin) ? begin : IPEndPoint.MaxPort;
        return Math.Max(first, FirstPort + FewestPorts);
    }
}
