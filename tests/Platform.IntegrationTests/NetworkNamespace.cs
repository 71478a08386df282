using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Platform.DevStack;

namespace Platform.IntegrationTests;

/// <summary>
/// A network namespace in which every address is local: packets to any address appear on its only interface, and none leaves it.
/// Connections are refused immediately unless something listens in the namespace.
/// </summary>
internal sealed class NetworkNamespace : IAsyncDisposable
{
    // This name server does not exist, and it is the only one configured: systemd's resolver, for example, would query outside servers.
    private const string Resolver = "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n";
    private const string NameService = "passwd: files\ngroup: files\nhosts: files dns\n";

    private const string SetUp =
        """
        set -e
        ip link set lo up
        ip route add local 0.0.0.0/0 dev lo
        ip -6 route add local ::/0 dev lo 2>/dev/null || echo "without IPv6"
        mount --bind "$1" /etc/resolv.conf
        [ ! -e /etc/nsswitch.conf ] || mount --bind "$2" /etc/nsswitch.conf
        echo made
        exec sleep infinity
        """;

    private readonly Daemon _holder;
    private readonly List<Relay> _relays = [];

    private NetworkNamespace(Daemon holder) => _holder = holder;

    /// <summary>The command line that runs a program in the namespace, in its own folder.</summary>
    public string[] Enter(string assembly, params string[] arguments) =>
    [
        "nsenter", $"--net=/proc/{_holder.Pid}/ns/net", $"--mount=/proc/{_holder.Pid}/ns/mnt", $"--wd={Path.GetDirectoryName(assembly)}",
        "dotnet", assembly, .. arguments,
    ];

    /// <summary>Creates a namespace; skips the test where that is impossible.</summary>
    public static async Task<NetworkNamespace> CreateOrSkipAsync(TestFolder folder, CancellationToken cancellationToken)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Machine.IsRoot, "Only root on Linux can make a network namespace.");
        Assert.SkipUnless(
            Machine.FindProgram("unshare") is not null && Machine.FindProgram("nsenter") is not null && Machine.FindProgram("ip") is not null,
            "It needs unshare, nsenter and ip (packages util-linux and iproute2).");
        var files = Path.Combine(folder.Path, $"namespace-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync($"{files}.resolv", Resolver, cancellationToken);
        await File.WriteAllTextAsync($"{files}.nsswitch", NameService, cancellationToken);
        var holder = Daemon.Start(
            "namespace", $"{files}.log", "unshare", ["--net", "--mount", "sh", "-c", SetUp, "sh", $"{files}.resolv", $"{files}.nsswitch"]);
        folder.Daemons.Add(holder);
        await Waiting.UntilAsync("the namespace is made", () => Task.FromResult(!holder.IsAlive || IsMade(holder)), cancellationToken);
        Assert.SkipUnless(holder.IsAlive, $"This machine makes no network namespaces: {holder.LogTail}");
        return new NetworkNamespace(holder);
    }

    /// <summary>Lets programs in the namespace reach a server outside it.</summary>
    /// <returns>The port on the loopback address inside the namespace.</returns>
    public async Task<int> LetOutAsync(string host, int port) => Add(new Relay(await RunAsync(Relay.Listen), async token =>
    {
        var outside = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await outside.ConnectAsync(host, port, token);
        return outside;
    }));

    /// <summary>Lets programs outside reach a server in the namespace.</summary>
    /// <returns>The port on the loopback address outside.</returns>
    public int LetIn(int port) => Add(new Relay(Relay.Listen(), async token =>
    {
        var inside = await RunAsync(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await inside.ConnectAsync(IPAddress.Loopback, port, token);
        return inside;
    }));

    /// <summary>Runs code on a thread in the namespace: a socket that it opens stays there, whichever thread uses it.</summary>
    public Task<T> RunAsync<T>(Func<T> code)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                Join();
                done.SetResult(code());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        }).Start();
        return done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var relay in _relays)
        {
            await relay.DisposeAsync();
        }

        await _holder.KillAsync(CancellationToken.None);
    }

    private int Add(Relay relay)
    {
        _relays.Add(relay);
        return relay.Port;
    }

    private static bool IsMade(Daemon holder) => holder.LogTail.EndsWith("made", StringComparison.Ordinal);

    private void Join()
    {
        const int netNamespace = 0x40000000;
        using var handle = File.OpenHandle($"/proc/{_holder.Pid}/ns/net");
        if (SetNamespace((int)handle.DangerousGetHandle(), netNamespace) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetNamespace(int handle, int kind);
}
