namespace Platform.DevStack;

/// <summary>Installs the distribution's server packages on machines that lack them.</summary>
public static class ServerPackages
{
    private const string NoServices = "/usr/sbin/policy-rc.d";
    private const string Broker = "rabbitmq-server";
    private const string Database = "postgresql";
    private const string Prometheus = "prometheus";
    private const string MailServer = "python3-aiosmtpd";
    private const string Pooler = "pgbouncer";
    private const string LoadBalancer = "nginx-light";
    private const string ObjectStoreServer = "python3-moto";
    private const string Browser = "chromium";

    // Tests that need different packages run in parallel.
    private static readonly SemaphoreSlim Turn = new(1);

    /// <summary>The packages that <c>./platform test --native</c> needs. Installing them requires root.</summary>
    public static IReadOnlyList<string> All { get; } = [Broker, Database, Prometheus, MailServer, Pooler, LoadBalancer, Browser];

    /// <summary>Names and installs the missing packages.</summary>
    /// <param name="withPrometheus">Include Prometheus in addition to broker and database.</param>
    /// <exception cref="SetupException">A package cannot be installed from here; the message has the command to run.</exception>
    public static Task EnsureAsync(CancellationToken cancellationToken, bool withPrometheus = false) => EnsureAsync(
        () =>
        [
            .. RabbitMqServer.FindScript() is null ? [Broker] : Array.Empty<string>(),
            .. PostgresServer.FindBinaries() is null ? [Database] : Array.Empty<string>(),
            .. withPrometheus && PrometheusServer.FindProgram() is null ? [Prometheus] : Array.Empty<string>(),
        ],
        cancellationToken);

    /// <summary>Names and installs what is missing of all packages, so that no two test projects do so at once.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static async Task EnsureAllAsync(CancellationToken cancellationToken)
    {
        await EnsureAsync(cancellationToken, withPrometheus: true);
        await EnsureMailServerAsync(cancellationToken);
        await EnsurePoolerAsync(cancellationToken);
        await EnsureLoadBalancerAsync(cancellationToken);
        await EnsureBrowserAsync(cancellationToken);
    }

    /// <summary>Installs the mail server, which only tests need.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static Task EnsureMailServerAsync(CancellationToken cancellationToken) =>
        EnsureAsync(() => SmtpServer.IsInstalled ? [] : [MailServer], cancellationToken);

    /// <summary>Installs PgBouncer, which only tests need.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static Task EnsurePoolerAsync(CancellationToken cancellationToken) =>
        EnsureAsync(() => PgBouncerServer.IsInstalled ? [] : [Pooler], cancellationToken);

    /// <summary>Installs nginx, the load balancer of docker-compose.yml, which only tests need.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static Task EnsureLoadBalancerAsync(CancellationToken cancellationToken) =>
        EnsureAsync(() => FindLoadBalancer() is null ? [LoadBalancer] : [], cancellationToken);

    /// <summary>Installs an S3 server, which only tests need, where the distribution has one.</summary>
    /// <returns>Whether there is one now.</returns>
    public static async Task<bool> TryEnsureObjectStoreAsync(CancellationToken cancellationToken)
    {
        if (!ObjectStore.IsInstalled && Machine.IsRoot && await IsPackagedAsync(ObjectStoreServer, cancellationToken))
        {
            await EnsureAsync(() => ObjectStore.IsInstalled ? [] : [ObjectStoreServer], cancellationToken);
        }

        return ObjectStore.IsInstalled;
    }

    /// <summary>Installs Chromium, with which tests use the console. Playwright would download a browser of its own.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static Task EnsureBrowserAsync(CancellationToken cancellationToken) =>
        EnsureAsync(() => FindBrowser() is null ? [Browser] : [], cancellationToken);

    /// <summary>Chromium, by its names in distributions.</summary>
    public static string? FindBrowser() => Machine.FindProgram("chromium", "/usr/bin/chromium", "chromium-browser", "google-chrome");

    /// <summary>nginx, which may be missing from an unprivileged user's PATH.</summary>
    public static string? FindLoadBalancer() => Machine.FindProgram("nginx", "/usr/sbin/nginx");

    private static async Task<bool> IsPackagedAsync(string package, CancellationToken cancellationToken) =>
        Machine.FindProgram("apt-cache") is not null && (await Machine.RunAsync("apt-cache", ["show", package], cancellationToken)).Succeeded;

    private static async Task EnsureAsync(Func<string[]> findMissing, CancellationToken cancellationToken)
    {
        await Turn.WaitAsync(cancellationToken);
        try
        {
            await EnsureAsync(findMissing(), cancellationToken);
        }
        finally
        {
            Turn.Release();
        }
    }

    private static async Task EnsureAsync(string[] missing, CancellationToken cancellationToken)
    {
        if (missing.Length == 0)
        {
            return;
        }

        var command = $"apt-get install --no-install-recommends {string.Join(' ', missing)}";
        if (!OperatingSystem.IsLinux() || Machine.FindProgram("apt-get") is null)
        {
            throw new SetupException(
                $"{string.Join(" and ", missing)} must be installed. On Debian and Ubuntu: sudo {command}. Or start Docker and run this again.");
        }

        if (!Machine.IsRoot)
        {
            throw new SetupException($"{string.Join(" and ", missing)} must be installed: sudo {command}");
        }

        Console.WriteLine($"installing {string.Join(" and ", missing)} from the distribution's packages ...");
        await InstallAsync(missing, cancellationToken);
    }

    private static async Task InstallAsync(string[] packages, CancellationToken cancellationToken)
    {
        // Prevents Debian from starting a broker and a database of its own; only the programs are needed.
        var forbidsServices = !File.Exists(NoServices);
        if (forbidsServices)
        {
            await File.WriteAllTextAsync(NoServices, "#!/bin/sh\nexit 101\n", cancellationToken);
            File.SetUnixFileMode(NoServices, (UnixFileMode)0b111_101_101);
        }

        try
        {
            (await Machine.RunAsync("apt-get", ["update", "-qq"], cancellationToken)).ThrowIfFailed("apt-get update");
            (await Machine.RunAsync("env",
                ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", .. packages],
                cancellationToken)).ThrowIfFailed("apt-get install");
        }
        finally
        {
            if (forbidsServices)
            {
                File.Delete(NoServices);
            }
        }
    }
}

/// <summary>Something could not be set up on this machine. The message names the problem and the remedy.</summary>
public sealed class SetupException(string message) : Exception(message);
