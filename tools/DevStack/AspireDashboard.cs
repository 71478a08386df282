using System.Runtime.InteropServices;

namespace Platform.DevStack;

/// <summary>The dashboard of .NET Aspire: receives traces, metrics and logs by OTLP and shows them on web pages. It keeps them in memory.</summary>
public static class AspireDashboard
{
    private const string Version = "13.6.5";

    private const int PreferredPort = 18888;

    /// <summary>Downloads the dashboard on first use, and starts it.</summary>
    /// <param name="logs">Folder for its log.</param>
    /// <exception cref="SetupException">NuGet cannot be reached.</exception>
    public static async Task<AspireInstance> StartAsync(string logs, DaemonRegistry daemons, CancellationToken cancellationToken)
    {
        var program = await DownloadAsync(cancellationToken);
        var (port, otlpPort) = (Machine.FreePort(PreferredPort), Machine.FreePort());
        var environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = $"http://127.0.0.1:{otlpPort}",
            // Both addresses are on this machine only, like everything else of the local stack.
            ["ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS"] = "true",
            ["DASHBOARD__OTLP__SUPPRESSUNSECUREDMESSAGE"] = "true",
            ["DASHBOARD__API__ENABLED"] = "false",
        };
        var process = new ServerProcess(
            "the Aspire dashboard",
            daemons,
            () => Daemon.Start("aspire", Path.Combine(logs, "aspire.log"), program, [], environment, Path.GetDirectoryName(program)),
            token => Services.SucceedsAsync(port, "/", token));
        await process.StartAsync(cancellationToken);
        return new AspireInstance($"http://127.0.0.1:{port}", new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{otlpPort}",
            // Milliseconds; a person watches.
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "5000",
        });
    }

    private static async Task<string> DownloadAsync(CancellationToken cancellationToken)
    {
        var package = $"Aspire.Dashboard.Sdk.linux-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";
        var folder = Path.Combine(Machine.LocalFolder, "packages");
        var program = Path.Combine(folder, package.ToLowerInvariant(), Version, "tools", "Aspire.Dashboard");
        if (!File.Exists(program))
        {
            Console.WriteLine("downloading the Aspire dashboard from NuGet ...");
            var download = await Machine.RunAsync("dotnet", ["package", "download", $"{package}@{Version}", "--output", folder], cancellationToken);
            if (!File.Exists(program))
            {
                throw new SetupException($"The Aspire dashboard could not be downloaded; without --with-aspire the platform starts: {download.Output.Trim()}");
            }
        }

        File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute);
        return program;
    }
}

/// <summary>A running dashboard.</summary>
/// <param name="Url">Its pages.</param>
/// <param name="Telemetry">Settings of a service that exports to it.</param>
public sealed record AspireInstance(string Url, IReadOnlyDictionary<string, string?> Telemetry);
