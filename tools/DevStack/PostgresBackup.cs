using System.Globalization;
using Npgsql;

namespace Platform.DevStack;

/// <summary>A base backup of a private PostgreSQL and the archive of its WAL, from which it is restored to a point in time.</summary>
public sealed class PostgresBackup
{
    private readonly string _base;
    private readonly string _archive;

    /// <param name="folder">Holds both; created if it does not exist.</param>
    public PostgresBackup(string folder)
    {
        _base = Path.Combine(folder, "base");
        _archive = Directory.CreateDirectory(Path.Combine(folder, "wal")).FullName;
    }

    /// <summary>Settings with which the server archives its WAL.</summary>
    public IReadOnlyList<string> Settings =>
    [
        "archive_mode=on", $"archive_command=cp \"%p\" \"{_archive}/%f.part\" && mv \"{_archive}/%f.part\" \"{_archive}/%f\"",
    ];

    /// <summary>Takes the base backup, while the server works. Once, because the folder must be empty.</summary>
    public async Task TakeAsync(PostgresInstance server, CancellationToken cancellationToken)
    {
        var binaries = PostgresServer.FindBinaries() ?? throw new InvalidOperationException("PostgreSQL is not installed.");
        // As the server's user, who must own the data.
        var (program, arguments) = PostgresServer.AsUnprivileged(
            Path.Combine(binaries, "pg_basebackup"),
            ["--dbname", PostgresServer.ToUri(server.ConnectionString), "--pgdata", _base, "--checkpoint=fast", "--no-sync", "--no-password"]);
        (await Machine.RunAsync(program, arguments, cancellationToken, Path.GetDirectoryName(_base))).ThrowIfFailed("pg_basebackup");
    }

    /// <summary>Archives all that is committed now, as <c>archive_timeout</c> does after a while.</summary>
    public static async Task ArchiveAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var current = database.CreateCommand("select pg_walfile_name(pg_switch_wal())");
        var file = (string)(await current.ExecuteScalarAsync(cancellationToken))!;
        await using var archived = database.CreateCommand("select coalesce(last_archived_wal, '') >= $1 from pg_stat_archiver");
        archived.Parameters.AddWithValue(file);
        await Waiting.UntilAsync($"{file} is archived", async () => await archived.ExecuteScalarAsync(cancellationToken) is true, cancellationToken);
    }

    /// <summary>Replaces the data of a server that was killed by the backup, starts it, and waits until it has recovered.</summary>
    /// <param name="until">What was committed later is not restored.</param>
    public async Task RestoreAsync(PostgresInstance server, DateTimeOffset until, CancellationToken cancellationToken)
    {
        Directory.Delete(server.Data, recursive: true);
        (await Machine.RunAsync("cp", ["--archive", _base, server.Data], cancellationToken)).ThrowIfFailed("Copying the base backup");
        await File.AppendAllTextAsync(
            Path.Combine(server.Data, "postgresql.auto.conf"),
            $"""
            restore_command = 'cp "{_archive}/%f" "%p"'
            recovery_target_time = '{until.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture)}+00'
            recovery_target_action = 'promote'

            """,
            cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(server.Data, "recovery.signal"), "", cancellationToken);
        await server.Process.StartAsync(cancellationToken);
        await using var database = NpgsqlDataSource.Create(server.ConnectionString);
        await using var command = database.CreateCommand("select pg_is_in_recovery()");
        await Waiting.UntilAsync("the database has recovered", async () => await command.ExecuteScalarAsync(cancellationToken) is false, cancellationToken);
    }
}
