using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>Separates transient faults, for which all messages wait, from faults of a single message, which is parked.</summary>
internal static class DatabaseFault
{
    /// <summary>
    /// SQLSTATE classes (the first two characters) that an operator or time fixes while events wait. Other classes concern the rows (22,
    /// 23, 54, P0001) or are unknown, and the message is parked: one message must not stop all others.
    /// </summary>
    private static readonly HashSet<string> TransientClasses =
    [
        // The connection; out of memory, disk or connections; shut down or canceled; file system errors.
        "08", "53", "57", "58",
        // Rolled back: deadlock, serialization; locked or in use; read-only or idle for too long.
        "40", "55", "25",
        // The session: a cached plan whose tables have changed, a prepared statement that no longer exists.
        "0A", "26",
        // Schema and login: a missing database, schema, table or right, a wrong password.
        "3D", "3F", "42", "28",
    ];

    /// <summary>
    /// True for the faults on an explicit list: a database that is unreachable, slow, restarting, read-only, locked, full or corrupted; a
    /// missing schema or a refused login. False for everything else, including rows written by a newer version: those concern one job,
    /// whose messages wait separately (<see cref="Inbox.PostponedMessages"/>).
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        PostgresException postgres => TransientClasses.Contains(postgres.SqlState[..2]) || IsCorruption(postgres.SqlState),
        // Faults while connecting (including TLS and certificates) or on an open connection, or an exhausted pool.
        NpgsqlException or SocketException or IOException or TimeoutException or AuthenticationException or CryptographicException => true,
        ConnectionFailedException => true,
        _ => false,
    };

    /// <summary>
    /// True when the answers on a connection did not match its statements. After a message that the server rejects while Npgsql prepares its statement, the
    /// next message on that connection fails so, whatever it is (npgsql/npgsql#6391). Npgsql then closes the connection, and throws a plain exception.
    /// </summary>
    public static bool IsOutOfStep(Exception exception) => exception.GetType() == typeof(Exception);

    // A corrupt page or index fails every message that reads it. The rest of class XX are errors within the server, which one message may
    // cause.
    private static bool IsCorruption(string sqlState) => sqlState is PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted;
}
