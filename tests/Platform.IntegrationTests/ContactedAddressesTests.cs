using Npgsql;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.IntegrationTests;

/// <summary>From start to stop, the services contact nothing except the broker and the database.</summary>
public sealed class ContactedAddressesTests(ServersFixture servers)
{
    // The port of the ingress; it is free in the namespace.
    private const int DefaultPort = 8080;

    private const string UsageReports = "usage-tracking.masstransit.io";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_third_party_is_contacted()
    {
        Assert.Empty(await RunPlatformAsync());
    }

    [Fact]
    public async Task A_report_of_usage_that_is_asked_for_is_seen()
    {
        var contacted = await RunPlatformAsync(("MASSTRANSIT_USAGE_TELEMETRY", "true"));

        Assert.Contains(UsageReports, contacted);
    }

    /// <summary>Migrates, processes an event end to end, and stops.</summary>
    /// <returns>Everything that was contacted.</returns>
    private async Task<IReadOnlyCollection<string>> RunPlatformAsync(params (string Name, string Value)[] settings)
    {
        await using var isolated = await NetworkNamespace.CreateOrSkipAsync(servers.Folder, Cancel);
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);
        await using var recorder = await AddressRecorder.StartAsync(isolated);
        var environment = await ConnectAsync(isolated, platform);
        environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        var migrate = await Machine.RunAsync(
            "env", [.. environment.Select(setting => $"{setting.Key}={setting.Value}"), .. isolated.Enter(Services.WorkerAssembly, "migrate")], Cancel);
        migrate.ThrowIfFailed("migrate");
        var worker = Start("worker", Services.WorkerAssembly, isolated, environment);
        environment.Remove("DOTNET_STARTUP_HOOKS");
        var ingress = Start("ingress", Services.IngressAssembly, isolated, environment);
        await SendAsync(isolated, ingress);
        await platform.CountAsync(1, "select count(*) from webhook_events");
        await Task.WhenAll(worker.StopAsync(Cancel), ingress.StopAsync(Cancel));
        return await recorder.ReadAllAsync(Cancel);
    }

    /// <returns>The settings of both services.</returns>
    private static async Task<Dictionary<string, string?>> ConnectAsync(NetworkNamespace isolated, TestPlatform platform)
    {
        var broker = new UriBuilder(platform.RabbitMq);
        (broker.Host, broker.Port) = ("127.0.0.1", await isolated.LetOutAsync(broker.Host, broker.Port));
        var database = new NpgsqlConnectionStringBuilder(platform.ConnectionString);
        (database.Host, database.Port) = ("127.0.0.1", await isolated.LetOutAsync(database.Host!, database.Port));
        return new Dictionary<string, string?>
        {
            ["ConnectionStrings__RabbitMq"] = broker.Uri.AbsoluteUri,
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["MagicHour__WebhookSecrets__0"] = TestPlatform.Secret,
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "",
        };
    }

    private Daemon Start(string name, string assembly, NetworkNamespace isolated, Dictionary<string, string?> environment)
    {
        var log = Path.Combine(servers.Folder.Path, $"isolated-{name}-{Guid.NewGuid():N}.log");
        var daemon = Daemon.Start(name, log, isolated.Enter(assembly)[0], isolated.Enter(assembly)[1..], environment);
        servers.Folder.Daemons.Add(daemon);
        return daemon;
    }

    /// <summary>Sends one event repeatedly until it is accepted.</summary>
    private static async Task SendAsync(NetworkNamespace isolated, Daemon ingress)
    {
        using var sender = new Sender($"http://127.0.0.1:{isolated.LetIn(DefaultPort)}", TestPlatform.Secret, TimeProvider.System);
        var body = MagicHourEvent.Create("video.completed", jobId: null, TimeProvider.System.GetUtcNow()).Body;
        await Waiting.UntilAsync("the ingress", ingress, async () => await IsAcceptedAsync(sender, body), Cancel);
    }

    private static async Task<bool> IsAcceptedAsync(Sender sender, byte[] body)
    {
        try
        {
            using var answer = await sender.SendAsync(body, Cancel);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
