using Npgsql;

namespace Platform.DevStack;

/// <summary>A private PgBouncer in front of a database, on a free port of the loopback interface, without authentication.</summary>
public static class PgBouncerServer
{
    private const string Program = "/usr/sbin/pgbouncer";

    public static bool IsInstalled => File.Exists(Program);

    /// <param name="connectionString">The database and user that PgBouncer connects with.</param>
    /// <param name="settings">Settings for the section <c>[pgbouncer]</c>, such as <c>pool_mode = session</c>.</param>
    public static async Task<PgBouncerInstance> StartAsync(
        string folder, DaemonRegistry daemons, string connectionString, CancellationToken cancellationToken, params string[] settings)
    {
        await ServerPackages.EnsurePoolerAsync(cancellationToken);
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        var port = Machine.FreePort();
        var configuration = Path.Combine(Directory.CreateDirectory(folder).FullName, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            [databases]
            * = host={server.Host} port={server.Port} user={server.Username} password={server.Password}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            {string.Join('\n', settings)}

            """,
            cancellationToken);
        var log = Path.Combine(folder, "log");
        var (program, arguments) = PostgresServer.AsUnprivileged(Program, [configuration]);
        var process = new ServerProcess(
            "PgBouncer",
            daemons,
            () => Daemon.Start("pgbouncer", log, program, arguments, folder: folder),
            token => Machine.AcceptsAsync(port, token));
        await process.StartAsync(cancellationToken);
        return new PgBouncerInstance(new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = port }.ConnectionString, process, log);
    }
}

/// <summary>A running PgBouncer.</summary>
/// <param name="ConnectionString">The database through it.</param>
/// <param name="Log">The file with its output.</param>
public sealed record PgBouncerInstance(string ConnectionString, ServerProcess Process, string Log);
