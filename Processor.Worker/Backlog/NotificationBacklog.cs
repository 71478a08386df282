using Npgsql;
using Processor.Worker.Registration;

namespace Processor.Worker.Backlog;

/// <summary>The owners of jobs who wait to be told by one channel.</summary>
/// <param name="Waiting">Not sent yet, or to be sent again.</param>
/// <param name="OldestDueAge">How long the one that is due the longest has been due; zero when nothing is.</param>
/// <param name="Parked">Given up, for a person to look at.</param>
internal sealed record NotificationBacklog(string Channel, long Waiting, TimeSpan OldestDueAge, long Parked)
{
    // The channels of an owner without an address: all that there are, also those by which nobody waits.
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
