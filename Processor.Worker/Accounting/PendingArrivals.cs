using Npgsql;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Accounting;

/// <summary>
/// Records messages that have arrived and are not committed: those to be parked or postponed, and suspects, which the broker may dead-letter. They are in
/// a queue where a person finds them, and must not be reported as missing.
/// </summary>
internal sealed class PendingArrivals(SingleWrites writes, TimeProvider time)
{
    /// <summary>Does nothing for a message without a number.</summary>
    /// <exception cref="OperationCanceledException">The database is unavailable; the message returns to the queue.</exception>
    public async Task RecordAsync(object message, CancellationToken cancellationToken)
    {
        if (Find(message) is { } number)
        {
            await writes.OutlastAsync((connection, stopping) => InsertAsync(connection, number, stopping), cancellationToken);
        }
    }

    private static PublishNumber? Find(object message) => message switch
    {
        WebhookReceived received => PublishNumber.FromDeliveryId(received.DeliveryId),
        WebhookQuarantined quarantined => PublishNumber.FromDeliveryId(quarantined.DeliveryId),
        _ => null,
    };

    private async Task<int> InsertAsync(NpgsqlConnection connection, PublishNumber number, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { ReceivedNumbers.Insert([new Arrival(number, Receptions.Parked)], time.GetUtcNow()) },
        };
        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
