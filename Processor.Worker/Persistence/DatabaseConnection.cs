using Npgsql;

namespace Processor.Worker.Persistence;

internal static class DatabaseConnection
{
    /// <summary>
    /// Opens a connection for work that waits for the database. Exceptions here concern the connection and not a message: an unreadable
    /// certificate or password file, or a setting that the server rejects. Later exceptions are classified by <see cref="DatabaseFault"/>.
    /// </summary>
    /// <exception cref="ConnectionFailedException">No connection could be opened.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> is canceled.</exception>
    public static async Task<NpgsqlConnection> OpenAsync(this NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        try
        {
            return await database.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ConnectionFailedException(exception);
        }
    }
}

/// <summary>No connection to the database could be opened.</summary>
internal sealed class ConnectionFailedException(Exception cause) : Exception($"The connection to the database could not be opened: {cause.Message}", cause);
