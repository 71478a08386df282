using Npgsql;

namespace Processor.Worker.Inbox;

/// <summary>
/// Messages that were delivered several times before. One of them may be what ends the process, the others only share its redeliveries:
/// each is processed alone, its attempt recorded first. Those that go through are cleared, and the one that never does is parked.
/// </summary>
internal sealed class Suspects(NpgsqlDataSource database, DatabaseOutage outage, IHostApplicationLifetime lifetime, TimeProvider time)
    : IDisposable
{
    public const int MaxAttempts = 5;

    private const long EnoughDeliveries = 3;

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Waits for the unit's turn, if its message is suspect.</summary>
    /// <param name="deliveries">How often the message was delivered before.</param>
    /// <returns>Ends the turn when disposed; null for a message that is not suspect.</returns>
    /// <exception cref="SuspectException">Too many attempts did not come to an end.</exception>
    /// <exception cref="OperationCanceledException">The database is away; the message goes back to the queue.</exception>
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
            var away = outage.Begun;
            away.ThrowIfCancellationRequested();
            var attempts = await outage.OutlastAsync(() => RecordAsync(unit.MessageId), lifetime.ApplicationStopping).WaitAsync(away);
            return attempts <= MaxAttempts ? turn : throw new SuspectException(deliveries, MaxAttempts);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<int> RecordAsync(Guid messageId)
    {
        await using var connection = await database.OpenConnectionAsync(lifetime.ApplicationStopping);
        await using var command = DeliveryAttempt.Record(messageId, time.GetUtcNow());
        command.Connection = connection;
        return (int)(await command.ExecuteScalarAsync(lifetime.ApplicationStopping))!;
    }

    private sealed class Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }
}

/// <summary>A message is parked because it may be what ends the process.</summary>
internal sealed class SuspectException(long deliveries, int attempts) : Exception(
    $"Delivered {deliveries} times before, and {attempts} recorded attempts to process it did not come to an end: it may be what ends the process.");
