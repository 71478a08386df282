using Npgsql;
using Processor.Worker.Owners;

namespace Processor.Worker.Backlog;

/// <summary>The notifications waiting on one channel.</summary>
/// <param name="Waiting">Notifications not sent yet, or to be retried.</param>
/// <param name="OldestDueAge">How long the oldest due notification has been due; zero when none is.</param>
/// <param name="Parked">Notifications parked for a person to review.</param>
internal sealed record NotificationBacklog(string Channel, long Waiting, TimeSpan OldestDueAge, long Parked)
{
    // The channels of an owner without an address: every channel, including those without waiting notifications.
    private const string Select =
        $"""
        select contact.channel,
               (select count(*) from notifications where channel = contact.channel and status in ('pending', 'sending')),
               (select min(next_attempt_at) from notifications where channel = contact.channel and status in ('pending', 'sending')),
               (select count(*) from notifications where channel = contact.channel and status = 'parked')
        from (select (null::job_registrations).*) as registration
        {JobRegistration.Contacts}
        """;

    /// <summary>One for each channel.</summary>
    public static async Task<IReadOnlyList<NotificationBacklog>> ReadAllAsync(
        NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var backlogs = new List<NotificationBacklog>();
        while (await rows.ReadAsync(cancellationToken))
        {
            backlogs.Add(new NotificationBacklog(rows.GetString(0), rows.GetInt64(1), DatabaseBacklog.Age(rows, 2, now), rows.GetInt64(3)));
        }

        return backlogs;
    }
}
