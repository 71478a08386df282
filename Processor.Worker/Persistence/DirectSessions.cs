using Microsoft.Extensions.Options;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>Opens sessions outside of any pool, for locks that last as long as their session.</summary>
internal sealed class DirectSessions(IOptions<ConnectionOptions> connections, IOptions<DatabaseOptions> database)
{
    /// <param name="name">The name in PostgreSQL's list of sessions.</param>
    /// <param name="silence">
    /// The server ends a session that is silent for this long, so that a suspended process, or a lost machine, holds its locks no longer.
    /// </param>
    /// <param name="commandTimeout">Time until a command fails.</param>
    /// <returns>An open connection; closing it ends the session and with it the locks.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<NpgsqlConnection> OpenAsync(string name, TimeSpan silence, TimeSpan commandTimeout, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.Value.Direct ?? connections.Value.Postgres)
        {
            ApplicationName = name,
            Pooling = false,
            CommandTimeout = (int)commandTimeout.TotalSeconds,
        };
        SessionSettings.Apply(settings);
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            await using var limit = new NpgsqlCommand($"set idle_session_timeout = '{silence.TotalSeconds:0}s'", connection);
            await limit.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
