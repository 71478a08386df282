using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Writes that concern one message and are not in its group's transaction. Each outlasts outages, and a few run at a time: with a connection for each message
/// in flight, a backlog of such messages could take all that the server has.
/// </summary>
internal sealed class SingleWrites(NpgsqlDataSource database, DatabaseOutage outage, IHostApplicationLifetime lifetime) : IDisposable
{
    /// <summary>Connections, at most.</summary>
    public const int MaxConnections = 4;

    private readonly SemaphoreSlim _free = new(MaxConnections);

    /// <summary>
    /// Retries a write until it succeeds. It outlives its message, which returns to the queue when an outage stops its endpoint: the write detects the end of
    /// the outage.
    /// </summary>
    /// <param name="write">Must be safe to repeat, even when it is unknown whether it was committed.</param>
    /// <exception cref="OperationCanceledException">The message is no longer processed here.</exception>
    /// <exception cref="Exception">The fault is not transient: the write can never succeed.</exception>
    public async Task<T> OutlastAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> write, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        return await RunAsync(write, lifetime.ApplicationStopping).WaitAsync(cancellationToken);
    }

    public void Dispose() => _free.Dispose();

    private async Task<T> RunAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> write, CancellationToken stopping)
    {
        try
        {
            return await outage.OutlastAsync(WriteAsync, stopping);
        }
        finally
        {
            _free.Release();
        }

        async Task<T> WriteAsync()
        {
            await using var connection = await database.OpenAsync(stopping);
            return await write(connection, stopping);
        }
    }
}
