namespace Processor.Worker.Release;

/// <summary>Discards the chosen messages of one place.</summary>
internal sealed class DiscardRun(ReleaseRequest request, TimeProvider time) : IParkedAction<long>
{
    /// <summary>How many were discarded so far, or with a dry run would be.</summary>
    public long Count { get; private set; }

    /// <summary>Why the chosen messages were parked; null before the first.</summary>
    public string? Cause { get; private set; }

    /// <returns><see cref="Count"/>.</returns>
    public async Task<long> RunAsync<T>(IParkingPlace<T> place, CancellationToken cancellationToken)
        where T : ParkedMessage
    {
        await foreach (var chunk in place.ReadAsync(await place.CountAsync(cancellationToken), cancellationToken))
        {
            T[] chosen = [.. chunk.Where(request.Includes)];
            Cause ??= chosen.FirstOrDefault()?.Cause.Text;
            // A chunk in progress is always finished, so that the count is accurate.
            var settling = request.IsDryRun || chosen.Length == 0
                ? place.SettleAsync([], chunk, CancellationToken.None)
                : place.DiscardAsync(chosen, [.. chunk.Except(chosen)], CancellationToken.None);
            await settling.WaitAsync(IParkingPlace<T>.Patience, time, CancellationToken.None);

            Count += chosen.Length;
            cancellationToken.ThrowIfCancellationRequested();
        }

        return Count;
    }
}
