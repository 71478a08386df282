namespace Platform.LocalStack;

/// <summary>The distribution's packages of the servers, for a machine that lacks them.</summary>
public static class ServerPackages
{
    private const string NoServices = "/usr/sbin/policy-rc.d";
    private const string Broker = "rabbitmq-server";
    private const string Database = "postgresql";
    private const string Prometheus = "prometheus";
    private const string MailServer = "python3-aiosmtpd";

    // Tests that need different ones run beside each other.
    private static readonly SemaphoreSlim Turn = new(1);

    /// <summary>What <c>./platform test --native</c> comes to need. Only root can have it installed on the way.</summary>
    public static IReadOnlyList<string> All { get; } = [Broker, Database, Prometheus, MailServer];

    /// <summary>Installs what is missing, after naming it.</summary>
    /// <param name="withPrometheus">It is wanted beside broker and database.</param>
    /// <exception cref="SetupException">It cannot be installed from here; with the command to run.</exception>
    public static Task EnsureAsync(CancellationToken cancellationToken, bool withPrometheus = false) => EnsureAsync(
        () =>
        [
            .. RabbitMqServer.FindScript() is null ? [Broker] : Array.Empty<string>(),
            .. PostgresServer.FindBinaries() is null ? [Database] : Array.Empty<string>(),
            .. withPrometheus && PrometheusServer.FindProgram() is null ? [Prometheus] : Array.Empty<string>(),
        ],
        cancellationToken);

    /// <summary>The same for the mail server, which only tests need.</summary>
    /// <inheritdoc cref="EnsureAsync(CancellationToken, bool)"/>
    public static Task EnsureMailServerAsync(CancellationToken cancellationToken) =>
        EnsureAsync(() => SmtpServer.IsInstalled ? [] : [MailServer], cancellationToken);

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
        // Only the programs are wanted: without this, Debian would start a broker and a database of its own.
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

/// <summary>Something could not be set up on this machine. The message says what, and what to do.</summary>
public sealed class SetupException(string message) : Exception(message);
