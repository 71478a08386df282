using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Outbox;

/// <summary>
/// Publishes outbox rows and deletes them, in large chunks with many confirms in flight; several replicas may run. Idle until signalled,
/// apart from sweeps for rows left by a crashed replica. If a chunk is not confirmed completely, it is published again after a pause,
/// with the same message ids.
/// </summary>
internal sealed partial class OutboxDispatcher(
    NpgsqlDataSource database,
    BrokerPublisher publisher,
    MigrationGate gate,
    OutboxSignal signal,
    IOptions<OutboxOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<OutboxDispatcher> logger) : BackgroundService
{
    // Batches rows: a chunk of one row costs as much as a large one, and no subscriber notices the delay.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Largest total size, in bytes, of the domain events in one transaction; a chunk of real ones has less than one MiB. In memory
    /// each takes twice as much, as the row and as the message.
    /// </summary>
    public const int MostBytes = 8 * 1024 * 1024;

    // Seven attempts in the first minute, then four a minute: each costs a connection, a transaction and a log line.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        var pause = FirstPause;
        while (true)
        {
            await signal.WaitAsync(options.Value.SweepInterval, stoppingToken);
            await Task.Delay(Gathering, time, stoppingToken);
            if (await TryPublishAsync(pause, stoppingToken))
            {
                pause = FirstPause;
                continue;
            }

            // Does not wait for the signal: under load every commit sets it, and each would cost another connection.
            await Task.Delay(pause, time, stoppingToken);
            pause = Pauses.Double(pause, LongestPause);
            signal.Wake();
        }
    }

    /// <summary>Publishes all rows in the outbox.</summary>
    /// <returns>False when the broker or the database failed: the rows stay.</returns>
    private async Task<bool> TryPublishAsync(TimeSpan pause, CancellationToken stoppingToken)
    {
        try
        {
            while (await PublishChunkAsync(stoppingToken))
            {
            }

            return true;
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogPutBack(logger, exception, pause);
            return false;
        }
    }

    /// <returns>True when there may be more rows.</returns>
    private async Task<bool> PublishChunkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var chunk = await TakeAsync(connection, cancellationToken);
        if (chunk.Count == 0)
        {
            return false;
        }

        await publisher.UseAsync(
            token => Task.WhenAll(chunk.Select(message => PublishAsync(message, token))), options.Value.PublishTimeout, cancellationToken);
        await transaction.CommitAsync(CancellationToken.None);
        metrics.OutboxPublished(chunk.Count);
        // A chunk cut at MostBytes lacks at most the one event that did not fit, which is far smaller than half of them.
        return chunk.Count == options.Value.ChunkSize || chunk.Sum(message => message.Body.Length) >= MostBytes / 2;
    }

    private async Task<List<OutboxMessage>> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                OutboxMessage.AllowIdle(options.Value.PublishTimeout * 2),
                OutboxMessage.TakeOldest(options.Value.ChunkSize, MostBytes),
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var chunk = new List<OutboxMessage>();
        while (await reader.ReadAsync(cancellationToken))
        {
            chunk.Add(OutboxMessage.Read(reader));
        }

        return chunk;
    }

    private async Task PublishAsync(OutboxMessage message, CancellationToken cancellationToken)
    {
        var envelope = Envelope.Create(message.MessageId, message.MessageType, message.Body, time.GetUtcNow());
        using var activity = ProcessorTraces.StartPublish(envelope, message.ParentContext);
        await publisher.PublishAsync(envelope, activity?.Id ?? message.TraceParent, mandatory: false, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Domain events could not be published; they stay in the outbox, and the next attempt is in {Pause}. If an exchange is missing, 'migrate' declares it")]
    private static partial void LogPutBack(ILogger logger, Exception exception, TimeSpan pause);
}
