namespace Platform.DevStack;

/// <summary>The whole platform as processes: private servers, migrate, one ingress, two workers, and what <see cref="NativeExtras"/> adds.</summary>
public static class NativeStack
{
    private const int PreferredIngressPort = 8080;
    private const int PreferredWorkerPort = 8081;
    private const int PreferredMagicHourPort = 8090;
    private const int PreferredPrometheusPort = 9090;
    private const int Workers = 2;

    public static string Folder => Directory.CreateDirectory(Path.Combine(Machine.LocalFolder, "native")).FullName;

    /// <summary>The daemons that run, or that a killed up left behind.</summary>
    public static DaemonRegistry Daemons => new(Path.Combine(Folder, "daemons.json"));

    /// <summary>Starts everything. On failure, stops the daemons that were already started.</summary>
    public static async Task<Stack> StartAsync(NativeExtras extras, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken, extras.Prometheus);
        var daemons = Daemons;
        await daemons.StopAsync(cancellationToken);
        try
        {
            return await StartAsync(daemons, extras, cancellationToken);
        }
        catch
        {
            await daemons.StopAsync(CancellationToken.None);
            throw;
        }
    }

    private static async Task<Stack> StartAsync(DaemonRegistry daemons, NativeExtras extras, CancellationToken cancellationToken)
    {
        var logs = Directory.CreateDirectory(Path.Combine(Folder, "log")).FullName;
        Console.WriteLine("starting PostgreSQL and RabbitMQ ...");
        var rabbitMq = RabbitMqServer.StartAsync(Path.Combine(Folder, "rabbitmq"), withManagement: true, daemons, cancellationToken);
        var server = await PostgresServer.StartAsync(Path.Combine(Folder, "postgres"), isDisposable: false, daemons, cancellationToken);
        var broker = await rabbitMq;
        var connectionString = await PostgresServer.CreateDatabaseAsync(server.ConnectionString, "platform", cancellationToken);

        Console.WriteLine("migrating ...");
        await Services.MigrateAsync(broker.Uri, connectionString, cancellationToken);

        var aspire = extras.Aspire ? await AspireDashboard.StartAsync(logs, daemons, cancellationToken) : null;
        KeyValuePair<string, string?>[] common = [Services.Development, .. aspire?.Telemetry ?? new Dictionary<string, string?>()];

        Console.WriteLine($"starting the ingress and {Workers} workers ...");
        var secret = Stack.LocalSecret;
        var ingressPort = Machine.FreePort(PreferredIngressPort);
        var links = new Dictionary<string, string>
        {
            ["ingress"] = $"http://127.0.0.1:{ingressPort}",
            ["ingress metrics"] = $"http://127.0.0.1:{ingressPort}/metrics",
        };
        // Chosen before the workers start, which may be configured with it.
        int? magicHourPort = extras.MagicHour ? Machine.FreePort(PreferredMagicHourPort) : null;
        if (magicHourPort is not null)
        {
            links["Magic Hour"] = $"http://127.0.0.1:{magicHourPort}";
        }

        var workers = new List<string>();
        var token = Stack.CreateSignInToken();
        var workerSettings = new Dictionary<string, string?>(common)
        {
            ["Operations__ApiKeys__0"] = Stack.LocalApiKey,
            ["Operations__SignInToken"] = token,
            ["OutgoingWebhooks__Secrets__0"] = Stack.LocalOutgoingSecret,
            ["OutgoingWebhooks__AllowedTargets__0"] = "127.0.0.0/8",
        };
        if (magicHourPort is not null)
        {
            workerSettings["MagicHourApi__BaseUrl"] = links["Magic Hour"];
            workerSettings["MagicHourApi__Key"] = Stack.LocalMagicHourKey;
            workerSettings["Reconcile__FirstAfter"] = "00:00:20";
        }

        for (var i = 1; i <= Workers; i++)
        {
            var port = Machine.FreePort(PreferredWorkerPort + i - 1);
            await Services.Worker($"worker-{i}", logs, port, broker.Uri, connectionString, daemons, settings: workerSettings).StartAsync(cancellationToken);
            workers.Add($"127.0.0.1:{port}");
            links.TryAdd("console", $"http://127.0.0.1:{port}/console (key {Stack.LocalApiKey})");
            links.TryAdd("console, signed in", Stack.SignInLink($"http://127.0.0.1:{port}", token));
            links.TryAdd("operations", $"http://127.0.0.1:{port}/reference/ (bearer {Stack.LocalApiKey})");
            links[$"worker {i} metrics"] = $"http://127.0.0.1:{port}/metrics";
        }

        var settings = new Dictionary<string, string?>(common) { ["MagicHour__WebhookSecrets__1"] = Stack.LocalNextSecret };
        await Services.Ingress("ingress", logs, ingressPort, broker.Uri, secret, daemons, settings: settings).StartAsync(cancellationToken);

        if (magicHourPort is { } freePort)
        {
            await Services.MagicHour(logs, freePort, links["ingress"], secret, daemons).StartAsync(cancellationToken);
        }

        if (extras.Prometheus)
        {
            var targets = new MetricsTargets([$"127.0.0.1:{ingressPort}"], workers, broker.MetricsAddress!);
            links["Prometheus"] = (await PrometheusServer.StartAsync(
                Path.Combine(Folder, "prometheus"), targets, daemons, cancellationToken, Machine.FreePort(PreferredPrometheusPort))).Url;
        }

        if (aspire is not null)
        {
            links["traces"] = aspire.Url;
        }

        links["RabbitMQ management"] = $"{broker.ManagementUrl} (user and password as in {broker.Uri})";
        links["PostgreSQL"] = $"psql '{PostgresServer.ToUri(connectionString)}'";
        links["logs"] = logs;
        return new Stack(
            StackKind.Native,
            links["ingress"],
            secret,
            connectionString,
            broker.Uri,
            links,
            Stack.LocalNextSecret,
            links.GetValueOrDefault("Magic Hour"),
            $"http://{workers[0]}");
    }
}

/// <summary>What the native stack starts besides the platform.</summary>
/// <param name="MagicHour">A simulated Magic Hour, whose webhook is the ingress.</param>
public sealed record NativeExtras(bool Prometheus = false, bool Aspire = false, bool MagicHour = false);
