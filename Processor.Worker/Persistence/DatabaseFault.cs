using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>Tells faults of what is written, which do not pass, from all others, which do.</summary>
internal static class DatabaseFault
{
    /// <summary>
    /// True for everything that is not about the rows themselves: unreachable, restarting, read-only, locked, full; a missing schema or a
    /// refused login, which an operator mends while the events wait; and what this version cannot read, because a newer one wrote it.
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        OperationCanceledException => false,
        PostgresException postgres => !IsAboutTheRows(postgres.SqlState),
        _ => true,
    };

    // Class 22: data exception. Class 23: integrity constraint violation. P0001: raised by a trigger.
    private static bool IsAboutTheRows(string sqlState) =>
        sqlState.StartsWith("22", StringComparison.Ordinal) || sqlState.StartsWith("23", StringComparison.Ordinal) || sqlState == "P0001";
}
