using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Outbox;

/// <summary>
/// Publishes the rows of the outbox and deletes them: in large chunks, many in flight, safe among replicas. Idle until told, and
/// sweeps now and then for what a dead replica left. A chunk whose confirms do not all arrive is published again, with the same
/// message ids.
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
    // A chunk of one row costs as much as one of many, and nobody who is told would notice.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        while (true)
        {
            await signal.WaitAsync(options.Value.SweepInterval, stoppingToken);
            await Task.Delay(Gathering, time, stoppingToken);
            try
            {
                while (await PublishChunkAsync(stoppingToken) == options.Value.ChunkSize)
                {
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // Broker or database away: the rows stay, and the next sweep tries again.
                LogPutBack(logger, exception);
            }
        }
    }

    private async Task<int> PublishChunkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var chunk = await TakeAsync(connection, cancellationToken);
        if (chunk.Count == 0)
        {
            return 0;
        }

        await PublishAsync(chunk, cancellationToken);
        await transaction.CommitAsync(CancellationToken.None);
        metrics.OutboxPublished(chunk.Count);
        return chunk.Count;
    }

    private async Task<List<OutboxMessage>> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                OutboxMessage.AllowIdle(options.Value.PublishTimeout * 2),
                OutboxMessage.TakeOldest(options.Value.ChunkSize),
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

    private async Task PublishAsync(List<OutboxMessage> chunk, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.Value.PublishTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await publisher.OpenAsync(either.Token);
            // Waited for from outside too: a publish does not always honour its token.
            await Task.WhenAll(chunk.Select(message => PublishAsync(message, either.Token))).WaitAsync(either.Token);
        }
        catch
        {
            await publisher.DisposeAsync();
            throw;
        }
    }

    private async Task PublishAsync(OutboxMessage message, CancellationToken cancellationToken)
    {
        var envelope = Envelope.Of(message.MessageId, message.MessageType, message.Body, time.GetUtcNow());
        using var activity = ProcessorTraces.StartPublish(envelope, message.ParentContext);
        await publisher.PublishAsync(envelope, activity?.Id ?? message.TraceParent, mandatory: false, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Domain events could not be published now; they stay in the outbox. If an exchange is missing, 'migrate' declares it")]
    private static partial void LogPutBack(ILogger logger, Exception exception);
}
