using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Handles messages that were delivered several times before. One of them may crash the process; the others only share its redeliveries.
/// Each is processed alone, after its attempt is recorded. A message that commits is cleared; one that never does is parked.
/// </summary>
internal sealed class PoisonMessageGuard(SingleWrites writes, DatabaseOutage outage, TimeProvider time) : IDisposable
{
    public const int MaxAttempts = 5;

    private const long EnoughDeliveries = 3;

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Waits for the turn of the unit when its message is suspect.</summary>
    /// <param name="deliveries">The number of earlier deliveries.</param>
    /// <returns>Ends the turn when disposed; null for a message that is not suspect.</returns>
    /// <exception cref="SuspectException">Too many recorded attempts never finished.</exception>
    /// <exception cref="OperationCanceledException">The database is unavailable; the message returns to the queue.</exception>
    public async Task<IDisposable?> TakeTurnAsync(UnitOfWork unit, long deliveries, CancellationToken cancellationToken)
    {
        if (deliveries < EnoughDeliveries)
        {
            return null;
        }

        unit.IsSuspect = true;
        await _turn.WaitAsync(cancellationToken);
        var turn = new Turn(_turn);
        try
        {
            var outageStarted = outage.Started;
            outageStarted.ThrowIfCancellationRequested();
            var attempts = await writes.OutlastAsync((connection, stopping) => RecordAsync(connection, unit.MessageId, stopping), outageStarted);
            return attempts <= MaxAttempts ? turn : throw new SuspectException(deliveries, MaxAttempts);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Deletes the recorded attempts of a message that waits for another reason; does nothing for one that is not suspect.
    /// </summary>
    public async Task ClearAsync(UnitOfWork unit, CancellationToken cancellationToken)
    {
        if (unit.IsSuspect)
        {
            await writes.OutlastAsync((connection, stopping) => ForgetAsync(connection, unit.MessageId, stopping), cancellationToken);
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<int> RecordAsync(NpgsqlConnection connection, Guid messageId, CancellationToken cancellationToken)
    {
        await using var command = DeliveryAttempt.Record(messageId, time.GetUtcNow());
        command.Connection = connection;
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task<int> ForgetAsync(NpgsqlConnection connection, Guid messageId, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { DeliveryAttempt.Forget([messageId]) } };
        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed class Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }
}

/// <summary>A message is parked because processing it may crash the process.</summary>
internal sealed class SuspectException(long deliveries, int attempts) : Exception(
    $"Delivered {deliveries} times before, and {attempts} recorded attempts to process it never finished: it may be crashing the process.");
