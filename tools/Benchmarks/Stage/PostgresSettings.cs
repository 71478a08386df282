using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Additional PostgreSQL settings. None reduces durability.</summary>
internal static class PostgresSettings
{
    private const string StatementCounter = "pg_stat_statements";

    /// <summary>Debian's package contains the extension; others may not.</summary>
    public static bool CountsStatements =>
        PostgresServer.FindBinaries() is { } binaries && File.Exists(Path.Combine(binaries, "..", "lib", $"{StatementCounter}.so"));

    public static IReadOnlyList<string> All =>
    [
        // The bench reads commit times from the database.
        "track_commit_timestamp=on",
        // A checkpoint during one contestant's run but not another's would distort the ratio.
        "max_wal_size=8GB", "checkpoint_timeout=30min", "shared_buffers=1GB",
        // Begin and commit are not counted.
        .. CountsStatements ? [$"shared_preload_libraries={StatementCounter}", "pg_stat_statements.track_utility=off"] : Array.Empty<string>(),
    ];
}
