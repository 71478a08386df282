using Npgsql;

namespace Platform.LocalStack;

/// <summary>A private PostgreSQL: its own data folder, a free port of the loopback interface, password logins only.</summary>
public static class PostgresServer
{
    private const string User = "platform";

    public static string? FindBinaries() =>
        Path.GetDirectoryName(Machine.FindProgram(
        [
            // Debian keeps the server's programs off the PATH, a folder for each version.
            .. Directory.Exists("/usr/lib/postgresql")
                ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(folder => folder).Select(folder => $"{folder}/bin/postgres")
                : [],
            "postgres",
        ]));

    /// <summary>Starts the server on a folder that it fills the first time.</summary>
    /// <param name="isThrowAway">The data need not survive the machine: do not wait for the disk.</param>
    /// <param name="settings">Further ones, as <c>name=value</c>.</param>
    public static async Task<PostgresInstance> StartAsync(
        string folder, bool isThrowAway, DaemonRegistry daemons, CancellationToken cancellationToken, IEnumerable<string>? settings = null)
    {
        var binaries = FindBinaries() ?? throw new InvalidOperationException("PostgreSQL is not installed.");
        var data = Path.Combine(folder, "data");
        var password = await ReadOrCreatePasswordAsync(folder, cancellationToken);
        if (!File.Exists(Path.Combine(data, "PG_VERSION")))
        {
            await InitializeAsync(binaries, folder, data, cancellationToken);
        }

        var port = Machine.FreePort();
        string[] durability = isThrowAway ? ["-c", "fsync=off", "-c", "synchronous_commit=off"] : [];
        var (program, arguments) = AsUnprivileged(
            Path.Combine(binaries, "postgres"),
            [
                "-D", data, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "max_connections=200", "-c", "shared_buffers=256MB", .. durability,
                .. (settings ?? []).SelectMany(setting => new[] { "-c", setting }),
            ]);
        // Interrupt is PostgreSQL's fast shutdown: it does not wait for its clients to leave.
        var connectionString = $"Host=127.0.0.1;Port={port};Username={User};Password={password};Database=postgres";
        var process = new ServerProcess(
            "PostgreSQL",
            daemons,
            () => Daemon.Start("postgres", Path.Combine(folder, "log"), program, arguments, folder: folder, stopSignal: Signal.Interrupt),
            token => AnswersAsync(connectionString, token));
        await process.StartAsync(cancellationToken);
        return new PostgresInstance(connectionString, process);
    }

    /// <summary>Creates a database unless it is there.</summary>
    /// <returns>A connection string for it.</returns>
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
            // Kept from the last time.
        }

        return new NpgsqlConnectionStringBuilder(connectionString) { Database = name }.ConnectionString;
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
    /// PostgreSQL refuses to run as root. Root becomes the user postgres, who keeps the right to pass through the folders above: a
    /// checkout in root's home would be out of reach otherwise. One capability, and one that root has in a plain container too.
    /// </summary>
    private static (string Program, string[] Arguments) AsUnprivileged(string program, string[] arguments) => Machine.IsRoot
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

/// <summary>A PostgreSQL that runs.</summary>
/// <param name="ConnectionString">As its owner.</param>
public sealed record PostgresInstance(string ConnectionString, ServerProcess Process);
