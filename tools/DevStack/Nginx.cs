using System.Net;
using System.Net.Sockets;

namespace Platform.DevStack;

/// <summary>
/// The load balancer of docker-compose.yml on this machine: the shipped files with different folders and ports, in front of the ingress that
/// a name server resolves as <c>ingress-api</c>.
/// </summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ServerProcess _process;

    private Nginx(string folder, int port, ServerProcess process) => (_folder, Url, _process) = (folder, $"http://127.0.0.1:{port}", process);

    public string Url { get; }

    public static string SourceFolder => Path.Combine(Machine.Root, "deploy", "nginx");

    /// <param name="resolvConf">Content of the container's <c>/etc/resolv.conf</c>.</param>
    public static async Task<Nginx> StartAsync(string resolvConf, int ingressPort, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureLoadBalancerAsync(cancellationToken);
        // Outside the checkout, because nginx would need a path with a space quoted.
        var folder = Directory.CreateTempSubdirectory("nginx-").FullName;
        // When root starts nginx, its workers run as another user.
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        var port = Machine.FreePort();
        foreach (var file in Directory.GetFiles(SourceFolder))
        {
            var text = (await File.ReadAllTextAsync(file, cancellationToken))
                .Replace("/tmp/", $"{folder}/", StringComparison.Ordinal)
                .Replace("/etc/nginx/", $"{folder}/", StringComparison.Ordinal)
                .Replace("/etc/", $"{folder}/", StringComparison.Ordinal)
                .Replace("listen 8080;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
                .Replace("ingress-api:8080", $"ingress-api:{ingressPort}", StringComparison.Ordinal)
                .Replace("exec nginx ", $"exec {ServerPackages.FindLoadBalancer()} -c {folder}/nginx.conf -p {folder} ", StringComparison.Ordinal);
            await File.WriteAllTextAsync(Path.Combine(folder, Path.GetFileName(file)), text, cancellationToken);
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "resolv.conf"), resolvConf, cancellationToken);
        var daemons = new DaemonRegistry(Path.Combine(folder, "daemons.json"));
        var process = new ServerProcess(
            "nginx",
            daemons,
            () => Daemon.Start("nginx", Path.Combine(folder, "log"), "sh", [Path.Combine(folder, "start")], folder: folder),
            token => AcceptsAsync(port, token));
        await process.StartAsync(cancellationToken);
        return new Nginx(folder, port, process);
    }

    public async ValueTask DisposeAsync()
    {
        await _process.KillAsync(CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<bool> AcceptsAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
