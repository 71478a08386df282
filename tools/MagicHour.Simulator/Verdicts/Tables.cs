using System.Data;
using Npgsql;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>Reads the tables' record of one storm, using only columns with a stable contract.</summary>
internal sealed class Tables(NpgsqlDataSource database, Ledger ledger)
{
    private const string SelectJobs =
        """
        select magic_hour_id, resource, status, project_type, name, credits_charged, download_url, downloads::text, error_code,
               error_message, created_at, started_at, completed_at, failed_at, updated_at, user_id is not null
        from jobs where magic_hour_id like $1
        """;

    private const string SelectOwners =
        """
        select job_id, channel
        from job_registrations, lateral (values ('email', email), ('webhook', webhook_url)) as contact (channel, address)
        where job_id like $1 and address is not null
        """;

    private readonly string _ofOurJobs = ledger.JobIdPrefix + "%";
    private readonly Guid[] _messageIds = [.. ledger.Events.Select(webhook => webhook.MessageId).Distinct()];
    private readonly byte[][] _hashes =
        [.. ledger.Events.SelectMany(webhook => webhook.BodyHashes).Distinct().Select(Convert.FromHexString)];

    /// <summary>Counts that change while the platform is still working on the storm.</summary>
    public async Task<TableCounts> CountAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            with ours as materialized (select event_id from webhook_events where job_id like $1)
            select (select count(*) from ours),
                   (select count(*) from webhook_bodies join ours using (event_id)),
                   (select count(*) from quarantined_events where body_sha256 = any($2)),
                   (select count(*) from outbox_message join ours on event_id = message_id),
                   (select count(*) from notifications where job_id like $1 and status in ('pending', 'sending')),
                   (select count(*) from job_registrations where job_id like $1)
            """);
        command.Parameters.AddWithValue(_ofOurJobs);
        command.Parameters.AddWithValue(_hashes);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new TableCounts(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5));
    }

    /// <summary>Reads everything in one snapshot.</summary>
    public async Task<Evidence> ReadAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        var events = await ListAsync(
            connection,
            "select event_id, event_type, job_id, received_at, late, encode(body_sha256, 'hex') from webhook_events where job_id like $1",
            _ofOurJobs, ReadEvent, cancellationToken);
        return new Evidence
        {
            Events = events,
            Bodies = await ListAsync(
                connection,
                "select event_id, received_at, encode(sha256(body), 'hex') from webhook_bodies where event_id = any($1)",
                events.Select(row => row.EventId).Union(_messageIds).ToArray(), ReadBody, cancellationToken),
            Jobs = await ListAsync(connection, SelectJobs, _ofOurJobs, ReadJob, cancellationToken),
            Inbox = await CountAsync(connection, "inbox_state", "message_id", _messageIds, cancellationToken),
            Quarantined = (await CountAsync(connection, "quarantined_events", "body_sha256", _hashes, cancellationToken))
                .ToDictionary(one => Convert.ToHexStringLower(one.Key), one => one.Value),
            Outbox = await CountAsync(connection, "outbox_message", "message_id", _messageIds, cancellationToken),
            Owners = await ListAsync(connection, SelectOwners, _ofOurJobs, row => new OwnerRow(row.GetString(0), row.GetString(1)), cancellationToken),
            Notifications = await ListAsync(
                connection, "select job_id, channel, outcome, status from notifications where job_id like $1", _ofOurJobs, ReadNotification, cancellationToken),
        };
    }

    private static EventRow ReadEvent(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.GetBoolean(4), row.GetString(5));

    private static BodyRow ReadBody(NpgsqlDataReader row) => new(row.GetGuid(0), row.GetFieldValue<DateTimeOffset>(1), row.GetString(2));

    private static NotificationRow ReadNotification(NpgsqlDataReader row) =>
        new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3));

    private static JobRow ReadJob(NpgsqlDataReader row)
    {
        return new JobRow(
            row.GetString(0),
            new JobState(
                row.GetString(1), row.GetString(2), Text(3), Text(4), row.IsDBNull(5) ? null : row.GetInt64(5), Text(6),
                JobState.ReadDownloads(Text(7)), Text(8), Text(9)),
            row.GetFieldValue<DateTimeOffset>(10), Time(11), Time(12), Time(13), row.GetFieldValue<DateTimeOffset>(14), row.GetBoolean(15));

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);

        DateTimeOffset? Time(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
    }

    /// <summary>The number of rows for each of the given keys that occurs in a table.</summary>
    private static async Task<Dictionary<T, int>> CountAsync<T>(
        NpgsqlConnection connection, string table, string column, T[] keys, CancellationToken cancellationToken)
        where T : notnull
    {
        var sql = $"select {column}, count(*) from {table} where {column} = any($1) group by 1";
        var rows = await ListAsync(
            connection, sql, keys, row => (Key: row.GetFieldValue<T>(0), Count: (int)row.GetInt64(1)), cancellationToken);
        return rows.ToDictionary(row => row.Key, row => row.Count);
    }

    private static async Task<List<T>> ListAsync<T>(
        NpgsqlConnection connection, string sql, object parameter, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new NpgsqlParameter { Value = parameter } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var list = new List<T>();
        while (await rows.ReadAsync(cancellationToken))
        {
            list.Add(read(rows));
        }

        return list;
    }
}

/// <summary>Rows of one storm.</summary>
/// <param name="Unnotified">Notifications that are pending or being sent.</param>
internal sealed record TableCounts(long Events, long Bodies, long Quarantined, long Outbox, long Unnotified, long Registrations);
