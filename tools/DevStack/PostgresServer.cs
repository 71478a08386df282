using Npgsql;

namespace Platform.DevStack;

/// <summary>A private PostgreSQL: its own data folder, a free port of the loopback interface, password logins only.</summary>
public static class PostgresServer
{
    private const string User = "platform";

    public static string? FindBinaries() =>
        Path.GetDirectoryName(Machine.FindProgram(
        [
            // Debian keeps the server's programs off the PATH, in one folder per version.
            .. Directory.Exists("/usr/lib/postgresql")
                ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(folder => folder).Select(folder => $"{folder}/bin/postgres")
                : [],
            "postgres",
        ]));

    /// <summary>Starts the server on a folder, which it initializes on first use.</summary>
    /// <param name="isDisposable">The data need not survive a crash of the machine, so writes do not wait for the disk.</param>
    /// <param name="settings">Additional settings, as <c>name=value</c>.</param>
    public static async Task<PostgresInstance> StartAsync(
        string folder, bool isDisposable, DaemonRegistry daemons, CancellationToken cancellationToken, IEnumerable<string>? settings = null)
    {
        var binaries = FindBinaries() ?? throw new InvalidOperationException("PostgreSQL is not installed.");
        var data = Path.Combine(folder, "data");
        var password = await ReadOrCreatePasswordAsync(folder, cancellationToken);
        if (!File.Exists(Path.Combine(data, "PG_VERSION")))
        {
            await InitializeAsync(binaries, folder, data, cancellationToken);
        }

        var port = Machine.FreePort();
        string[] durability = isDisposable ? ["-c", "fsync=off", "-c", "synchronous_commit=off"] : [];
        var (program, arguments) = AsUnprivileged(
            Path.Combine(binaries, "postgres"),
            [
                "-D", data, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "max_connections=200", "-c", "shared_buffers=256MB", .. durability,
                .. (settings ?? []).SelectMany(setting => new[] { "-c", setting }),
            ]);
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to disconnect.
        var connectionString = $"Host=127.0.0.1;Port={port};Username={User};Password={password};Database=postgres";
        var process = new ServerProcess(
            "PostgreSQL",
            daemons,
            () => Daemon.Start("postgres", Path.Combine(folder, "log"), program, arguments, folder: folder, stopSignal: Signal.Interrupt),
            token => AnswersAsync(connectionString, token));
        await process.StartAsync(cancellationToken);
        return new PostgresInstance(connectionString, data, process);
    }

    /// <summary>
    /// Opens a database for tools that compare what the services wrote: <c>PGCLIENTENCODING</c>, <c>PGTZ</c> and the connection string do not
    /// change what they read.
    /// </summary>
    public static NpgsqlDataSource Open(string connectionString) => NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connectionString) { ClientEncoding = "UTF8", Encoding = "UTF8", Timezone = "UTC" });

    /// <summary>Creates a database unless it exists.</summary>
    /// <returns>The connection string of the database.</returns>
    public static async Task<string> CreateDatabaseAsync(string connectionString, string name, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        try
        {
            await using var command = source.CreateCommand($"create database \"{name}\"");
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.DuplicateDatabase)
        {
            // It exists from an earlier run.
        }

        return new NpgsqlConnectionStringBuilder(connectionString) { Database = name }.ConnectionString;
    }

    /// <summary>The connection string in psql's URI format.</summary>
    internal static string ToUri(string connectionString)
    {
        var parts = new NpgsqlConnectionStringBuilder(connectionString);
        return $"postgresql://{parts.Username}:{Uri.EscapeDataString(parts.Password ?? "")}@{parts.Host}:{parts.Port}/{parts.Database}";
    }

    private static async Task<string> ReadOrCreatePasswordAsync(string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "password");
        if (!File.Exists(file))
        {
            await File.WriteAllTextAsync(file, Guid.NewGuid().ToString("N"), cancellationToken);
        }

        return await File.ReadAllTextAsync(file, cancellationToken);
    }

    private static async Task InitializeAsync(string binaries, string folder, string data, CancellationToken cancellationToken)
    {
        if (Machine.IsRoot)
        {
            Directory.CreateDirectory(data);
            (await Machine.RunAsync("chown", ["postgres:", data], cancellationToken)).ThrowIfFailed("Giving the data folder to postgres");
        }

        var (program, arguments) = AsUnprivileged(
            Path.Combine(binaries, "initdb"),
            [
                "-D", data, $"--username={User}", $"--pwfile={Path.Combine(folder, "password")}", "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
            ]);
        (await Machine.RunAsync(program, arguments, cancellationToken, folder)).ThrowIfFailed("Initializing PostgreSQL");
    }

    /// <summary>
    /// PostgreSQL and PgBouncer refuse to run as root. Root switches to the user postgres, which keeps one capability to traverse parent folders:
    /// otherwise it could not reach a checkout in root's home. Root has this capability in a plain container too.
    /// </summary>
    internal static (string Program, string[] Arguments) AsUnprivileged(string program, string[] arguments) => Machine.IsRoot
        ? ("setpriv",
            [
                "--reuid=postgres", "--regid=postgres", "--init-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
                program, .. arguments,
            ])
        : (program, arguments);

    private static async Task<bool> AnswersAsync(string connectionString, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString + ";Timeout=2;Pooling=false");
            await connection.OpenAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}

/// <summary>A running PostgreSQL.</summary>
/// <param name="ConnectionString">Connects as the superuser.</param>
/// <param name="Data">The folder with its data.</param>
public sealed record PostgresInstance(string ConnectionString, string Data, ServerProcess Process);
