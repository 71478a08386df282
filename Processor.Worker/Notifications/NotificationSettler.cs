using System.Collections.Concurrent;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>
/// Writes down what became of attempts, whichever channel made them: what has ended while the one before was written is the next group.
/// A commit for each would cost the database more than the notification itself.
/// </summary>
internal sealed partial class NotificationSettler(
    NotificationQueue queue, ProcessorMetrics metrics, TimeProvider time, ILogger<NotificationSettler> logger) : IDisposable
{
    internal static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>For a group, and then as much for its members one by one.</summary>
    internal static readonly TimeSpan WriteTime = TimeSpan.FromSeconds(3);

    // Npgsql's default: so long it waits for the answer when a statement is called off.
    private static readonly TimeSpan CallOffTime = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a settlement may take from its turn on. What takes longer, or waits so long for its turn that the lease ends, is sent once more.
    /// </summary>
    public static readonly TimeSpan SettleTime = 2 * (WriteTime + CallOffTime);

    // Sessions, so that a member that hangs does not keep the others from being written.
    private const int MembersAtOnce = 4;

    private readonly ConcurrentQueue<Settlement> _waiting = new();
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// Returns when it is written down, or another call has taken it along, or it could not be: then the lease ends, and it is sent once more
    /// under the same id.
    /// </summary>
    public async Task SettleAsync(Settlement settlement)
    {
        _waiting.Enqueue(settlement);
        if (await SettleGroupAsync() is { Count: > 0 } members)
        {
            await SettleOneByOneAsync(members);
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Writes down all that waits, when it is this call's turn.</summary>
    /// <returns>The members of a group that could not be written down together; they keep no other group waiting.</returns>
    private async Task<IReadOnlyList<Settlement>> SettleGroupAsync()
    {
        await _turn.WaitAsync();
        try
        {
            // Nothing, when the one before has taken ours along.
            return TakeGroup() is { Count: > 0 } group && !await TryWriteAsync(group) ? group : [];
        }
        finally
        {
            _turn.Release();
        }
    }

    private List<Settlement> TakeGroup()
    {
        var group = new List<Settlement>();
        while (_waiting.TryDequeue(out var settlement))
        {
            group.Add(settlement);
        }

        return group;
    }

    private async Task<bool> TryWriteAsync(List<Settlement> group)
    {
        using var limit = new CancellationTokenSource(WriteTime, time);
        try
        {
            await WriteAsync(group, limit.Token);
            return true;
        }
        catch (Exception exception)
        {
            LogSplit(logger, exception, group.Count);
            return false;
        }
    }

    private async Task SettleOneByOneAsync(IReadOnlyList<Settlement> members)
    {
        using var limit = new CancellationTokenSource(WriteTime, time);
        await Parallel.ForEachAsync(members, new ParallelOptions { MaxDegreeOfParallelism = MembersAtOnce }, async (member, _) =>
        {
            try
            {
                await WriteAsync([member], limit.Token);
            }
            catch (Exception exception)
            {
                LogNotSettled(logger, exception, member.Notice.Id, member.Notice.JobId, member.Notice.Channel);
            }
        });
    }

    /// <summary>Writes it down, and tries again while the database is away.</summary>
    private async Task WriteAsync(List<Settlement> group, CancellationToken limit)
    {
        while (true)
        {
            try
            {
                await queue.SettleAsync(group, limit);
                break;
            }
            catch (Exception exception) when (DatabaseFault.IsTransient(exception))
            {
                var pause = Task.Delay(RetryInterval, time, limit);
                LogAway(logger, exception.Message, group.Count);
                await pause;
            }
        }

        foreach (var (notice, status, _, _, error) in group)
        {
            metrics.NotificationSettled(notice.Channel, status);
            LogSettled(
                logger, status is NotificationStatus.Parked ? LogLevel.Warning : LogLevel.Information,
                notice.Id, notice.JobId, notice.Channel, status, notice.Attempt, error ?? "no error");
        }
    }

    [LoggerMessage("Notification {NotificationId} of job {JobId} by {Channel} is {Status} after attempt {Attempt}: {Reason}")]
    private static partial void LogSettled(
        ILogger logger, LogLevel level, Guid notificationId, string jobId, string channel, NotificationStatus status, int attempt, string reason);

    [LoggerMessage(LogLevel.Warning, "What became of {Count} attempts to tell owners cannot be written down now; trying again: {Reason}")]
    private static partial void LogAway(ILogger logger, string reason, int count);

    [LoggerMessage(LogLevel.Warning, "What became of {Count} attempts to tell owners could not be written down together; writing it down one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int count);

    [LoggerMessage(
        LogLevel.Warning,
        "What became of notification {NotificationId} of job {JobId} by {Channel} could not be written down; it is sent once more")]
    private static partial void LogNotSettled(ILogger logger, Exception exception, Guid notificationId, string jobId, string channel);
}
