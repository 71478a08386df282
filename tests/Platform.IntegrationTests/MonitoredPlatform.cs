using Platform.LocalStack;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// A platform on a broker of its own, watched by a Prometheus for which time passes faster, with the configuration and the rules of
/// <c>deploy/observability</c>. It is started by the first test that needs it.
/// </summary>
public sealed class MonitoredPlatform(ServersFixture servers) : IAsyncDisposable
{
    // Five minutes become ten seconds: as short as the broker's own counts allow, which it makes every five.
    private const double Haste = 30;

    // The ingress, the worker, and the broker as a whole and by its queues.
    private const int Targets = 4;

    private TestPlatform? _platform;
    private Prometheus? _prometheus;
    private PrometheusInstance? _server;
    private ServerProcess? _worker;
    private ServerProcess? _ingress;
    private SmtpInstance? _mail;

    public TestPlatform Platform => _platform ?? throw NotStarted;

    public Prometheus Prometheus => _prometheus ?? throw NotStarted;

    public ServerProcess Worker => _worker ?? throw NotStarted;

    public ServerProcess Ingress => _ingress ?? throw NotStarted;

    /// <summary>By which owners are told. Webhooks are off.</summary>
    public ServerProcess MailServer => (_mail ?? throw NotStarted).Process;

    private static InvalidOperationException NotStarted => new("Not started.");

    /// <summary>How long a time of the rules takes here.</summary>
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
        _worker = await _platform.StartWorkerAsync(settings: new Dictionary<string, string?>
        {
            ["Email__Host"] = "127.0.0.1",
            ["Email__Port"] = $"{_mail.Port}",
            ["Email__Security"] = "None",
            ["Email__From"] = "Studio <studio@example.com>",
        });
        // A time-out must not be rarer than what is asked over two minutes in a hurry.
        _ingress = await _platform.StartIngressAsync(settings: new Dictionary<string, string?> { ["Ingress__PublishBudget"] = "00:00:01" });
        var folder = Path.Combine(servers.Folder.Path, $"prometheus-{Machine.FreePort()}");
        _server = await PrometheusServer.StartAsync(folder, _platform.MetricsTargets, servers.Folder.Daemons, Cancel, haste: Haste);
        _prometheus = new Prometheus(_server.Url);
        // What it has not scraped yet is absent for it, and in a hurry that is told of.
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

        if (_mail is not null)
        {
            await _mail.Process.KillAsync(CancellationToken.None);
        }
    }
}
