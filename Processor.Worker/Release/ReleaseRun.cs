using Npgsql;
using Processor.Worker.Inbox;

namespace Processor.Worker.Release;

/// <summary>
/// Releases the parked messages of one place to the start of the pipeline. A message is published and confirmed before it is removed
/// from its place: a killed run leaves copies, which the inbox recognises by their ids.
/// </summary>
internal sealed class ReleaseRun<T>(
    IParkingPlace<T> place, NpgsqlDataSource database, ReleaseRequest request, ReleaseReport report, TimeProvider time)
    where T : ParkedMessage
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var count = await place.CountAsync(cancellationToken);
        report.Begin(place.Name, count);
        await foreach (var chunk in place.ReadAsync(count, cancellationToken))
        {
            // A chunk in progress is always finished, so that the report is accurate.
            var released = await ReleaseAsync(chunk, CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            if (request.PerSecond is { } perSecond)
            {
                await Task.Delay(TimeSpan.FromSeconds((double)released / perSecond), time, cancellationToken);
            }
        }
    }

    /// <returns>How many were released.</returns>
    private async Task<int> ReleaseAsync(IReadOnlyList<T> chunk, CancellationToken cancellationToken)
    {
        var chosen = chunk.Where(message => message.IsUsable && request.Includes(message)).ToArray();
        var publishes = request.IsDryRun ? [] : await PublishAsync(chosen, cancellationToken);
        var confirms = Task.WhenAll(publishes).WaitAsync(IParkingPlace<T>.Patience, time, cancellationToken);
        await confirms.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Confirmed messages are removed, even if others of the chunk failed.
        var released = chosen.Zip(publishes).Where(one => one.Second.IsCompletedSuccessfully).Select(one => one.First).ToArray();
        await place.SettleAsync(released, [.. chunk.Except(released)], cancellationToken).WaitAsync(IParkingPlace<T>.Patience, time, cancellationToken);
        report.Show(chunk, request.IsDryRun ? chosen : released);
        if (publishes.Any(publish => !publish.IsCompleted))
        {
            throw new TimeoutException($"The broker has not confirmed within {IParkingPlace<T>.Patience.TotalSeconds:0} s; it may be under an alarm.");
        }

        await confirms;
        return request.IsDryRun ? 0 : released.Length;
    }

    private async Task<Task[]> PublishAsync(T[] chosen, CancellationToken cancellationToken)
    {
        await ForgetAttemptsAsync([.. chosen.Select(message => message.MessageId).OfType<Guid>()], cancellationToken);
        return [.. chosen.Select(message => place.PublishAsync(message, cancellationToken))];
    }

    /// <summary>Deletes the records of earlier attempts, which would park a released message again at once.</summary>
    private async Task ForgetAttemptsAsync(IReadOnlyList<Guid> messageIds, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(DeliveryAttempt.Forget(messageIds));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>Releases the chosen messages of any place.</summary>
internal sealed class ReleaseAction(NpgsqlDataSource database, ReleaseRequest request, ReleaseReport report, TimeProvider time) : IParkedAction<ReleaseReport>
{
    public async Task<ReleaseReport> RunAsync<T>(IParkingPlace<T> place, CancellationToken cancellationToken)
        where T : ParkedMessage
    {
        await new ReleaseRun<T>(place, database, request, report, time).RunAsync(cancellationToken);
        return report;
    }
}
