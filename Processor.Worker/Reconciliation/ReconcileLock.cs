using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Lets one replica reconcile: a session lock of PostgreSQL on a connection of its own. The server ends a session that is silent for
/// <see cref="Silence"/>, so that the lock of a suspended process, or of a lost machine, is free for another replica within 30 s.
/// </summary>
internal sealed class ReconcileLock(IOptions<ConnectionOptions> options, TimeProvider time)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(20);

    /// <summary>Returns once this replica is the one.</summary>
    /// <returns>The lock; to be disposed.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<Held> AcquireAsync(CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(cancellationToken);
        try
        {
            while (!await TryLockAsync(connection, cancellationToken))
            {
                await Task.Delay(PollInterval, time, cancellationToken);
            }

            return new Held(connection, time);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(options.Value.Postgres)
        {
            ApplicationName = "processor-worker reconcile",
            // Closing must end the session, and with it the lock.
            Pooling = false,
            CommandTimeout = (int)Heartbeat.TotalSeconds,
        };
        SessionSettings.Apply(settings);
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var limit = new NpgsqlCommand($"set idle_session_timeout = '{Silence.TotalSeconds:0}s'", connection);
        await limit.ExecuteNonQueryAsync(cancellationToken);
        return connection;
    }

    private static async Task<bool> TryLockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_try_advisory_lock(hashtext('processor-worker reconcile'))", connection);
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>The lock, for as long as its session lives.</summary>
    internal sealed class Held(NpgsqlConnection connection, TimeProvider time) : IAsyncDisposable
    {
        /// <summary>Keeps the session alive. Never returns.</summary>
        /// <exception cref="NpgsqlException">The lock is lost.</exception>
        public async Task KeepAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                await Task.Delay(Heartbeat, time, cancellationToken);
                await using var command = new NpgsqlCommand("select 1", connection);
                await command.ExecuteScalarAsync(cancellationToken);
            }
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
