using System.Net.Sockets;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>Tells faults of the database, which pass, from faults of what is written, which do not.</summary>
internal static class DatabaseFault
{
    /// <summary>
    /// True for everything that is not about the rows themselves: unreachable, restarting, read-only, locked, full, and also a
    /// missing schema or a refused login, which an operator mends while the events wait.
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        PostgresException postgres => !IsAboutTheRows(postgres.SqlState),
        NpgsqlException or TimeoutException or SocketException or IOException => true,
        _ => false,
    };

    // Class 22: data exception. Class 23: integrity constraint violation. P0001: raised by a trigger.
    private static bool IsAboutTheRows(string sqlState) =>
        sqlState.StartsWith("22", StringComparison.Ordinal) || sqlState.StartsWith("23", StringComparison.Ordinal) || sqlState == "P0001";
}
