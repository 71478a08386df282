using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Platform.DevStack;
using Platform.Simulator.Storms;

namespace Platform.Faults;

/// <summary>Two separate ingresses behind the nginx of docker-compose.yml.</summary>
internal sealed partial class BalancedIngresses : IAsyncDisposable
{
    private readonly NameServer _names;
    private readonly Nginx _nginx;

    private BalancedIngresses(LabIngress[] ingresses, int[] managementPorts, NameServer names, Nginx nginx, string secret)
    {
        (Ingresses, _names, _nginx) = (ingresses, names, nginx);
        ManagementUrls = [.. managementPorts.Select(port => $"http://127.0.0.1:{port}")];
        Target = new StormTarget(nginx.Url, secret);
    }

    public IReadOnlyList<LabIngress> Ingresses { get; }

    /// <summary>The management listener of each ingress, for probes and metrics.</summary>
    public IReadOnlyList<string> ManagementUrls { get; }

    /// <summary>The load balancer.</summary>
    public StormTarget Target { get; }

    public IPEndPoint LoadBalancer => IPEndPoint.Parse(new Uri(Target.Url).Authority);

    /// <param name="maxConnections">Of each ingress.</param>
    public static async Task<BalancedIngresses> StartAsync(FaultContext context, params int[] maxConnections)
    {
        // One port at two addresses: nginx resolves its upstreams by name and uses the same port for all of them.
        var shared = Machine.FreePort();
        IPAddress[] addresses = [.. maxConnections.Select((_, i) => IPAddress.Parse($"127.0.1.{i + 1}"))];
        int[] managementPorts = [.. maxConnections.Select(_ => Machine.FreePort())];
        LabIngress[] ingresses = [.. maxConnections.Select((max, i) =>
        {
            var port = Machine.FreePort();
            return context.Lab.Ingress($"ingress-balanced-{i + 1}", port, settings: new Dictionary<string, string?>
            {
                ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port};http://{addresses[i]}:{shared}",
                ["Ingress__ManagementUrl"] = $"http://127.0.0.1:{managementPorts[i]}",
                ["Ingress__MaxConnections"] = $"{max}",
                // The smallest budget and the longest timeout allowed, so that strangers can exhaust them with few requests.
                ["Ingress__ReceiveTimeout"] = "00:00:09",
                ["Ingress__MaxBodyBytesInFlight"] = $"{32 * 1024 * 1024}",
            });
        })];
        await Task.WhenAll(ingresses.Select(ingress => ingress.Process.StartAsync(context.Cancel)));
        var names = new NameServer(addresses);
        var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", shared, context.Cancel);
        return new BalancedIngresses(ingresses, managementPorts, names, nginx, context.Lab.Target.Secret);
    }

    /// <summary>The sum of matching counters over both ingresses.</summary>
    /// <param name="name">A pattern for the counter names in <c>/metrics</c>.</param>
    public async Task<int> CountAsync(string name, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        var metrics = await Task.WhenAll(ManagementUrls.Select(url => http.GetStringAsync(new Uri($"{url}/metrics"), cancellationToken)));
        return metrics
            .SelectMany(text => Sample().Matches(text))
            .Where(sample => Regex.IsMatch(sample.Groups["name"].Value, $"^({name})$"))
            .Sum(sample => int.Parse(sample.Groups["count"].Value, CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await _nginx.DisposeAsync();
        await _names.DisposeAsync();
        await Task.WhenAll(Ingresses.Select(ingress => ingress.Process.KillAsync(CancellationToken.None)));
    }

    [GeneratedRegex("""(?m)^(?<name>\w+_total)\{.*\} (?<count>\d+)( \d+)?\r?$""")]
    private static partial Regex Sample();
}
