using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>How the database is set, beside what is usual. Nothing here makes it less durable.</summary>
internal static class PostgresSettings
{
    private const string StatementCounter = "pg_stat_statements";

    /// <summary>The extension is part of Debian's package, and not of every other.</summary>
    public static bool CountsStatements =>
        PostgresServer.FindBinaries() is { } binaries && File.Exists(Path.Combine(binaries, "..", "lib", $"{StatementCounter}.so"));

    public static IReadOnlyList<string> All =>
    [
        // When a row was committed is asked of the database.
        "track_commit_timestamp=on",
        // A checkpoint in the middle of one contestant's run and not of another's would decide the ratio.
        "max_wal_size=8GB", "checkpoint_timeout=30min", "shared_buffers=1GB",
        // Begin and commit are not counted.
        .. CountsStatements ? [$"shared_preload_libraries={StatementCounter}", "pg_stat_statements.track_utility=off"] : Array.Empty<string>(),
    ];
}
