using System.Globalization;
using System.Text.RegularExpressions;

namespace Platform.DevStack;

/// <summary>A private Prometheus with the scrape configuration and alert rules of <c>deploy/observability</c>.</summary>
public static partial class PrometheusServer
{
    private const string Configuration = "prometheus.yml";

    public static string SourceFolder => Path.Combine(Machine.Root, "deploy", "observability");

    public static string? FindProgram() => Machine.FindProgram("prometheus");

    /// <summary>Starts Prometheus on a folder, which it initializes on first use.</summary>
    /// <param name="haste">Time compression: scrape intervals, rule windows, alert delays and age thresholds are divided by this factor.</param>
    public static async Task<PrometheusInstance> StartAsync(
        string folder, MetricsTargets targets, DaemonRegistry daemons, CancellationToken cancellationToken, int? port = null, double haste = 1)
    {
        var program = FindProgram() ?? throw new InvalidOperationException("Prometheus is not installed.");
        var rules = Directory.CreateDirectory(Path.Combine(folder, "rules")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(SourceFolder, "rules")))
        {
            await CopyAsync(file, rules, text => Hasten(text, haste), cancellationToken);
        }

        await CopyAsync(
            Path.Combine(SourceFolder, Configuration), folder, text => Hasten(PointTo(targets, text), haste), cancellationToken);

        var served = port ?? Machine.FreePort();
        string[] arguments =
        [
            $"--config.file={Path.Combine(folder, Configuration)}", $"--storage.tsdb.path={Path.Combine(folder, "data")}",
            $"--web.listen-address=127.0.0.1:{served}", "--log.level=warn",
        ];
        var process = new ServerProcess(
            "Prometheus",
            daemons,
            () => Daemon.Start("prometheus", Path.Combine(folder, "log"), program, arguments, folder: folder),
            token => Services.SucceedsAsync(served, "/-/ready", token));
        await process.StartAsync(cancellationToken);
        return new PrometheusInstance($"http://127.0.0.1:{served}", process);
    }

    private static async Task CopyAsync(string file, string folder, Func<string, string> change, CancellationToken cancellationToken) =>
        await File.WriteAllTextAsync(
            Path.Combine(folder, Path.GetFileName(file)), change(await File.ReadAllTextAsync(file, cancellationToken)), cancellationToken);

    /// <summary>Replaces names that only Compose and Kubernetes resolve with addresses.</summary>
    private static string PointTo(MetricsTargets targets, string configuration) => NamedTargets().Replace(
        configuration, named => $"static_configs: [{{ targets: [{string.Join(", ", targets.Of(named.Groups["name"].Value).Select(target => $"'{target}'"))}] }}]");

    private static string Hasten(string text, double haste)
    {
        var shortened = Durations().Replace(text, duration => string.Create(
            CultureInfo.InvariantCulture,
            $"{int.Parse(duration.Groups["number"].Value, CultureInfo.InvariantCulture) * Milliseconds(duration.Groups["unit"].Value) / haste:0}ms"));
        return AgeThresholds().Replace(
            shortened, seconds => (int.Parse(seconds.Value, CultureInfo.InvariantCulture) / haste).ToString("0.###", CultureInfo.InvariantCulture));
    }

    private static int Milliseconds(string unit) => unit switch
    {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => throw new ArgumentOutOfRangeException(nameof(unit), unit, null),
    };

    [GeneratedRegex(@"dns_sd_configs: \[\{ names: \[(?<name>[a-z-]+)\].*\]")]
    private static partial Regex NamedTargets();

    [GeneratedRegex(@"(?<=\[|for: |offset |_interval: )(?<number>\d+)(?<unit>[smh])\b")]
    private static partial Regex Durations();

    [GeneratedRegex(@"(?<=_age_seconds[^>\n]* > )\d+")]
    private static partial Regex AgeThresholds();
}

/// <summary>The metrics endpoints of one platform, each as <c>host:port</c>.</summary>
public sealed record MetricsTargets(IReadOnlyList<string> Ingresses, IReadOnlyList<string> Workers, string Broker)
{
    /// <summary>The endpoints of a service, by its Compose name.</summary>
    public IReadOnlyList<string> Of(string service) => service switch
    {
        "ingress-api" => Ingresses,
        "processor-worker" => Workers,
        "rabbitmq" => [Broker],
        _ => throw new ArgumentOutOfRangeException(nameof(service), service, "prometheus.yml names a service that the local stack does not have."),
    };
}

/// <summary>A running Prometheus.</summary>
public sealed record PrometheusInstance(string Url, ServerProcess Process);
