using Npgsql;
using Processor.Worker.Migrate;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Replays;

/// <summary>
/// Runs replays, in chunks at the rate of the request: a chunk's domain events go to the outbox in the transaction that moves the replay's position.
/// Live traffic takes precedence: while its domain events wait in the outbox, the replay waits.
/// </summary>
internal sealed partial class ReplayRunner(
    NpgsqlDataSource database, MigrationGate gate, OutboxSignal signal, TimeProvider time, ILogger<ReplayRunner> logger) : BackgroundService
{
    private const int ChunksPerSecond = 5;
    private const int MaxChunk = 200;

    /// <summary>More rows than this in the outbox, and the replay waits.</summary>
    private const int MaxWaiting = 2 * MaxChunk;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        while (true)
        {
            await Task.Delay(await TryRunChunkAsync(stoppingToken), time, stoppingToken);
        }
    }

    /// <returns>The pause until the next chunk.</returns>
    private async Task<TimeSpan> TryRunChunkAsync(CancellationToken stoppingToken)
    {
        try
        {
            return await RunChunkAsync(stoppingToken);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(logger, exception, FailurePause);
            return FailurePause;
        }
    }

    /// <summary>Runs the next chunk of the oldest replay, if it is due and no other worker is running it.</summary>
    /// <returns>The pause until the next chunk.</returns>
    internal async Task<TimeSpan> RunChunkAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await ReplayTable.TakeOldestAsync(now, connection, cancellationToken) is not { } replay)
        {
            return Idle;
        }

        if (await ReplayTable.IsOutboxFullAsync(connection, MaxWaiting, cancellationToken))
        {
            return TimeSpan.FromSeconds(1.0 / ChunksPerSecond);
        }

        var limit = Math.Clamp(replay.PerSecond / ChunksPerSecond, 1, MaxChunk);
        var nextAt = NextChunkAt(replay, TimeSpan.FromSeconds((double)limit / replay.PerSecond), now);
        var chunk = await ReadAsync(replay, limit, connection, cancellationToken);
        if (chunk is not null)
        {
            await ApplyAsync(replay, chunk, limit, nextAt, connection, cancellationToken);
        }

        await transaction.CommitAsync(CancellationToken.None);
        signal.Wake();
        var pause = nextAt - time.GetUtcNow();
        // A timer counts whole milliseconds: a worker that looks before the chunk is due would find nothing, and idle.
        return pause > TimeSpan.Zero ? TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds) + 1) : TimeSpan.Zero;
    }

    /// <summary>A chunk that is late by less than its interval is made up for; after a longer pause, the rate begins anew.</summary>
    private static DateTimeOffset NextChunkAt(Replay replay, TimeSpan interval, DateTimeOffset now) =>
        (replay.NextChunkAt is { } due && due > now - interval ? due : now) + interval;

    /// <returns>Null when the replay cannot continue.</returns>
    private async Task<ReplayChunk?> ReadAsync(Replay replay, int limit, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return await ReplayChunk.ReadAsync(replay, limit, connection, cancellationToken);
        }
        // An event that this version cannot read: waiting for a newer worker is for the operator to decide.
        catch (NewerVersionException exception)
        {
            await ReplayTable.FailAsync(replay.Id, exception.Message, time.GetUtcNow(), connection, cancellationToken);
            return null;
        }
    }

    private async Task ApplyAsync(
        Replay replay, ReplayChunk chunk, int limit, DateTimeOffset nextChunkAt, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var messages = replay.Events ? chunk.ToOutbox(replay, now) : [];
        if (messages.Count > 0)
        {
            await using var batch = new NpgsqlBatch(connection) { BatchCommands = { OutboxMessage.Insert(messages) } };
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        var notified = 0;
        if (replay.Notifications)
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands = { NotificationReset.ForEnds([.. chunk.Transitions.Where(transition => transition.IsEnd)], now) },
            };
            notified = await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        await ReplayTable.AdvanceAsync(
            replay.Id, chunk.Events, (messages.Count, notified), nextChunkAt, chunk.Events.Count < limit ? now : null, connection, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "A replay was interrupted; retrying in {Pause}")]
    private static partial void LogFailed(ILogger logger, Exception exception, TimeSpan pause);
}
