using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Lets one replica do a task: a session lock of PostgreSQL on a connection of its own. The server ends a session that is silent for
/// <see cref="Silence"/>, so that the lock of a suspended process, or of a lost machine, is free for another replica within 30 s.
/// </summary>
/// <param name="name">One of <see cref="AdvisoryLocks"/>.</param>
internal sealed class ReplicaLock(string name, DirectSessions sessions, TimeProvider time)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    /// <summary>True while this replica is the one that does the task.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>
    /// Starts the work whenever this replica is the one, and ends it when the lock is lost or a part of the work fails; then tries again. Never returns.
    /// </summary>
    /// <param name="start">Starts the parts of the work, none of which returns. Their token is cancelled when one of them has failed.</param>
    /// <param name="end">Called once all parts have ended.</param>
    /// <param name="interrupted">Called with what failed, and the pause until the next attempt.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task[]> start, Func<ValueTask> end, Action<Exception, TimeSpan> interrupted, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await using var held = await AcquireAsync(cancellationToken);
                await RunOnceAsync(held, start, end, cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                interrupted(exception, RetryInterval);
            }

            await Task.Delay(RetryInterval, time, cancellationToken);
        }
    }

    /// <summary>Returns once this replica is the one.</summary>
    /// <returns>The lock; to be disposed.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<Held> AcquireAsync(CancellationToken cancellationToken)
    {
        var connection = await sessions.OpenAsync(name, Silence, Heartbeat, cancellationToken);
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

    private async Task RunOnceAsync(Held held, Func<CancellationToken, Task[]> start, Func<ValueTask> end, CancellationToken cancellationToken)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IsHeld = true;
        Task[] tasks = [held.KeepAsync(lost.Token), .. start(lost.Token)];
        try
        {
            await await Task.WhenAny(tasks);
        }
        finally
        {
            IsHeld = false;
            await lost.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await end();
        }
    }

    private async Task<bool> TryLockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"select pg_try_advisory_lock(hashtext('{name}'))", connection);
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
