namespace Processor.Worker.Release;

/// <summary>The messages parked in one place, grouped by cause.</summary>
/// <param name="Examined">Messages read; a place may have more than are read at once.</param>
/// <param name="Count">Messages that the place held at the start.</param>
/// <param name="Groups">The largest first.</param>
internal sealed record ParkedGroups(long Count, long Examined, IReadOnlyList<ParkedGroup> Groups)
{
    /// <summary>Maximum number of messages read for a list: those of a queue are held back from others meanwhile.</summary>
    public const int MaxExamined = 20_000;

    internal sealed class Reader : IParkedAction<ParkedGroups>
    {
        public async Task<ParkedGroups> RunAsync<T>(IParkingPlace<T> place, CancellationToken cancellationToken)
            where T : ParkedMessage
        {
            var groups = new Dictionary<string, ParkedGroup>();
            var count = await place.CountAsync(cancellationToken);
            var examined = 0L;
            await foreach (var chunk in place.ReadAsync(Math.Min(count, MaxExamined), cancellationToken))
            {
                foreach (var message in chunk)
                {
                    groups[message.Cause.Group] = groups.GetValueOrDefault(message.Cause.Group, ParkedGroup.Empty(message.Cause)).With(message);
                }

                examined += chunk.Count;
                await place.SettleAsync([], chunk, cancellationToken);
            }

            return new ParkedGroups(count, examined, [.. groups.Values.OrderByDescending(group => group.Count).ThenBy(group => group.Cause.Text)]);
        }
    }
}

/// <summary>Messages parked for the same cause.</summary>
/// <param name="Usable">Those that a release would put back; the others would only be parked again.</param>
/// <param name="Samples">The first three.</param>
internal sealed record ParkedGroup(
    ParkedCause Cause, long Count, long Usable, DateTimeOffset? FirstAt, DateTimeOffset? LastAt, IReadOnlyList<ParkedMessage> Samples)
{
    private const int SampleCount = 3;

    public static ParkedGroup Empty(ParkedCause cause) => new(cause, 0, 0, null, null, []);

    public ParkedGroup With(ParkedMessage message) => this with
    {
        Count = Count + 1,
        Usable = Usable + (message.IsUsable ? 1 : 0),
        FirstAt = FirstAt is null || message.ParkedAt < FirstAt ? message.ParkedAt : FirstAt,
        LastAt = LastAt is null || message.ParkedAt > LastAt ? message.ParkedAt : LastAt,
        Samples = Samples.Count < SampleCount ? [.. Samples, message] : Samples,
    };
}
