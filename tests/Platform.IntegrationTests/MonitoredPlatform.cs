using Platform.DevStack;
using Platform.Tests;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// A platform on its own broker, watched by a Prometheus with shortened intervals and the configuration and rules of
/// <c>deploy/observability</c>. The first test that needs it starts it.
/// </summary>
public sealed class MonitoredPlatform(ServersFixture servers) : IAsyncDisposable
{
    // Five minutes become ten seconds, the minimum that the broker's own statistics allow, which it collects every five.
    private const double MaxHaste = 30;
    private const double MinHaste = 15;

    // Short delays must stay below the alerts' thresholds on a busy machine too.
    private static readonly double Haste = Math.Clamp(MaxHaste * MachineShare.Measure(), MinHaste, MaxHaste);

    // The ingress, the worker, and the broker's aggregated and per-queue metrics.
    private const int Targets = 4;

    private TestPlatform? _platform;
    private PrometheusClient? _prometheus;
    private PrometheusInstance? _server;
    private ServerProcess? _worker;
    private ServerProcess? _ingress;
    private SmtpInstance? _mail;
    private ScriptedMagicHour? _magicHour;

    public TestPlatform Platform => _platform ?? throw NotStarted;

    public PrometheusClient Prometheus => _prometheus ?? throw NotStarted;

    public ServerProcess Worker => _worker ?? throw NotStarted;

    public ServerProcess Ingress => _ingress ?? throw NotStarted;

    /// <summary>The mail server that notifies owners. Webhooks are disabled.</summary>
    public ServerProcess MailServer => (_mail ?? throw NotStarted).Process;

    /// <summary>The API that the worker asks about jobs without an end, at first after minutes.</summary>
    internal ScriptedMagicHour MagicHour => _magicHour ?? throw NotStarted;

    private static InvalidOperationException NotStarted => new("Not started.");

    /// <summary>The shortened duration of a time in the rules.</summary>
    public static TimeSpan Hasten(TimeSpan time) => time / Haste;

    public async Task StartAsync()
    {
        if (_server is not null)
        {
            return;
        }

        _platform = await CreateOnOwnBrokerAsync(servers, withManagement: true);
        await ServerPackages.EnsureAsync(Cancel, withPrometheus: true);
        _mail = await SmtpServer.StartAsync(Path.Combine(servers.Folder.Path, $"mail-{Guid.NewGuid():N}"), servers.Folder.Daemons, Cancel);
        _magicHour = await ScriptedMagicHour.StartAsync(Cancel);
        _worker = await _platform.StartWorkerAsync(settings: new Dictionary<string, string?>
        {
            ["MagicHourApi__BaseUrl"] = _magicHour.Url,
            ["MagicHourApi__Key"] = ScriptedMagicHour.Key,
            ["Email__Host"] = "127.0.0.1",
            ["Email__Port"] = $"{_mail.Port}",
            ["Email__Security"] = "None",
            ["Email__From"] = "Studio <studio@example.com>",
            ["Broker__ManagementUrl"] = _platform.OwnBroker.ManagementUrl,
        });
        // At least one publish must time out within the shortened two-minute window of the rules.
        _ingress = await _platform.StartIngressAsync(settings: new Dictionary<string, string?> { ["Ingress__PublishBudget"] = "00:00:01" });
        var folder = Path.Combine(servers.Folder.Path, $"prometheus-{Machine.FreePort()}");
        _server = await PrometheusServer.StartAsync(folder, _platform.MetricsTargets, servers.Folder.Daemons, Cancel, haste: Haste);
        _prometheus = new PrometheusClient(_server.Url);
        // Prometheus treats a target that it has not scraped yet as absent, and with shortened intervals that fires an alert.
        await Waiting.UntilAsync("everything is scraped, and nothing fires", async () =>
            await _prometheus.QueryNumberAsync("sum(up)", Cancel) == Targets && (await _prometheus.ListFiringAsync(Cancel)).Count == 0, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _prometheus?.Dispose();
        if (_server is not null)
        {
            await _server.Process.KillAsync(CancellationToken.None);
        }

        if (_platform is not null)
        {
            await _platform.DisposeAsync();
        }

        if (_magicHour is not null)
        {
            await _magicHour.DisposeAsync();
        }

        if (_mail is not null)
        {
            await _mail.Process.KillAsync(CancellationToken.None);
        }
    }
}
