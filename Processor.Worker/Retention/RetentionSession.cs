using System.Data;
using System.Runtime.CompilerServices;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Retention;

/// <summary>
/// The session of a run. It holds the lock that lets one process run at a time, and does all the work: a process that loses the lock can drop nothing.
/// </summary>
/// <remarks>
/// Every statement commits by itself and ends within <see cref="StatementTimeout"/>, and with it every lock that another transaction could wait
/// for. The server ends a session that is silent for <see cref="Silence"/>, so that a suspended process holds the lock no longer.
/// </remarks>
internal sealed class RetentionSession(NpgsqlConnection connection, TimeProvider time) : IAsyncDisposable
{
    private const string StatementTimeout = "900ms";
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    // Reading may take longer: it blocks nothing.
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromMinutes(15);

    public bool IsOpen => connection.State is ConnectionState.Open;

    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public static async Task<RetentionSession> OpenAsync(DirectSessions sessions, TimeProvider time, CancellationToken cancellationToken)
    {
        var connection = await sessions.OpenAsync("processor-worker retention", Silence, ReadTimeout, cancellationToken);
        var session = new RetentionSession(connection, time);
        try
        {
            await session.SetStatementTimeoutAsync(StatementTimeout, cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>False while another process has the lock. It is held until the session ends.</summary>
    public async Task<bool> TryLockAsync(CancellationToken cancellationToken)
    {
        await using var command = CreateCommand("select pg_try_advisory_lock(hashtext('processor-worker retention'))");
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public NpgsqlCommand CreateCommand(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    /// <summary>Executes a statement that counts rows older than <c>$1</c>, however long it takes.</summary>
    public async Task<long> CountAsync(string sql, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = CreateCommand(sql, RetentionRules.Before(before));
        return await ReadAsync(command, rows => rows.GetInt64(0), cancellationToken) is [var count] ? count : 0;
    }

    /// <summary>Executes a statement that only reads, however long it takes.</summary>
    public async Task<IReadOnlyList<T>> ReadAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await SetStatementTimeoutAsync("0", cancellationToken);
        var all = new List<T>();
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                all.Add(read(rows));
            }
        }

        await SetStatementTimeoutAsync(StatementTimeout, cancellationToken);
        return all;
    }

    /// <summary>
    /// Drops chunk after chunk, each in a statement of its own, and pauses after each for as long as it took: a run takes at most half of the time of
    /// one session.
    /// </summary>
    /// <param name="most">Size of a chunk; halved whenever one takes too long.</param>
    /// <param name="drop">Takes the maximum size.</param>
    /// <exception cref="PostgresException">Even the smallest chunk takes too long, or something else failed.</exception>
    public async IAsyncEnumerable<DroppedRows> RepeatAsync(
        int most, Func<int, Task<Chunk>> drop, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var started = time.GetTimestamp();
            var chunk = await TryAsync(most, drop);
            foreach (var dropped in chunk?.Dropped ?? [])
            {
                yield return dropped;
            }

            if (chunk is { IsLast: true })
            {
                yield break;
            }

            most = chunk is null ? most / 2 : most;
            await DelayAsync(time.GetElapsedTime(started), cancellationToken);
        }
    }

    public Task DelayAsync(TimeSpan pause, CancellationToken cancellationToken) => Task.Delay(pause, time, cancellationToken);

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    // Null when the chunk was too large for its time; nothing of it is dropped then.
    private static async Task<Chunk?> TryAsync(int most, Func<int, Task<Chunk>> drop)
    {
        try
        {
            return await drop(most);
        }
        catch (PostgresException exception)
            when (most > 1 && exception.SqlState is (PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable))
        {
            return null;
        }
    }

    private async Task SetStatementTimeoutAsync(string timeout, CancellationToken cancellationToken)
    {
        await using var command = CreateCommand($"set statement_timeout = '{timeout}'");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>What one statement has dropped.</summary>
/// <param name="IsLast">Nothing is left to drop.</param>
internal sealed record Chunk(IReadOnlyList<DroppedRows> Dropped, bool IsLast);
