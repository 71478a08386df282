using Microsoft.Extensions.Options;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Checks that database sessions behave as the worker expects. A connection pooler may drop the settings of a session or run each
/// transaction in another session; a database may have another encoding.
/// </summary>
internal sealed class DatabaseSession(NpgsqlDataSource database, IOptions<DatabaseOptions> options)
{
    private const string Remedy =
        $"Set {DatabaseOptions.Section}__{nameof(DatabaseOptions.Pooler)}={nameof(DatabasePooler.Transaction)}, or connect directly to PostgreSQL, or set "
        + "pool_mode = session and ignore_startup_parameters = options in PgBouncer";

    private bool IsPoolOfTransactions => options.Value.Pooler is DatabasePooler.Transaction;

    /// <exception cref="UnusableDatabaseException">The sessions are unusable, and waiting will not fix it.</exception>
    /// <exception cref="NpgsqlException">The result is unknown: the database is unavailable.</exception>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            if (!IsPoolOfTransactions && await IsSharedAsync(connection, cancellationToken))
            {
                throw new UnusableDatabaseException(
                    $"A connection pooler such as PgBouncer changes sessions between transactions, and transaction pooling is not expected. {Remedy}.");
            }

            await VerifyEncodingAsync(connection, cancellationToken);
            await VerifySettingsAsync(connection, cancellationToken);
        }
        catch (PostgresException exception) when (IsRefusalOfPooler(exception))
        {
            throw new UnusableDatabaseException(
                $"A connection pooler such as PgBouncer refuses the session ({exception.MessageText}). {Remedy}.");
        }
    }

    /// <summary>True when transactions of one connection may run in different sessions, or two connections share one.</summary>
    private async Task<bool> IsSharedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var session = await ReadSessionAsync(connection, cancellationToken);
        if (session == connection.ProcessID)
        {
            // The process that accepted the connection also answers: there is no pooler in between.
            return false;
        }

        if (await ReadSessionAsync(connection, cancellationToken) != session)
        {
            return true;
        }

        await using var other = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await other.BeginTransactionAsync(cancellationToken);
        // The second connection gets the session that was freed last, or the only one. With transaction pooling that is the session of the
        // first connection, which then has to use another.
        return await ReadSessionAsync(other, cancellationToken) == session || await ReadSessionAsync(connection, cancellationToken) != session;
    }

    private static async Task<int> ReadSessionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_backend_pid()", connection);
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task VerifyEncodingAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("show server_encoding", connection);
        if ((string)(await command.ExecuteScalarAsync(cancellationToken))! is var encoding and not "UTF8")
        {
            throw new UnusableDatabaseException(
                $"The database {connection.Database} has the encoding {encoding}, which cannot hold every name; it must be UTF8. Create another one "
                + $"(create database NAME encoding 'UTF8' locale 'C' template template0), and move the data of this one with pg_dump.");
        }
    }

    private async Task VerifySettingsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // A setting with another source than "client" was not requested by this connection.
        await using var command = new NpgsqlCommand(
            """
            select wanted.name || ' is ' || current_setting(wanted.name) || ', not ' || wanted.value,
                   format('alter role %I in database %I set %s to %L;', current_user, current_database(), wanted.name, wanted.value)
            from unnest($1, $2, $3) as wanted (name, value, may_differ)
            join pg_settings as setting on setting.name = wanted.name
            where current_setting(wanted.name) <> wanted.value and not (wanted.may_differ and setting.source = 'client')
            """,
            connection);
        SessionSetting[] wanted = [.. IsPoolOfTransactions ? SessionSettings.TuningOfRole : SessionSettings.Tuning, .. SessionSettings.Meaning];
        command.Parameters.Add(Column.Text(wanted, setting => setting.Name));
        command.Parameters.Add(Column.Text(wanted, setting => setting.Value));
        command.Parameters.Add(Column.Boolean(wanted, SessionSettings.Tuning.Contains));
        var (missing, remedies) = (new List<string>(), new List<string>());
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            missing.Add(rows.GetString(0));
            remedies.Add(rows.GetString(1));
        }

        if (missing.Count > 0)
        {
            throw new UnusableDatabaseException(
                $"Database sessions do not have the settings they request ({string.Join("; ", missing)}): a connection pooler such as PgBouncer drops them. "
                + (IsPoolOfTransactions ? "Give" : $"{Remedy}, and give") + $" the settings to the role: {string.Join(' ', remedies)}");
        }
    }

    // PgBouncer uses one SQLSTATE for all its messages, including outages.
    private static bool IsRefusalOfPooler(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.ProtocolViolation
        && (exception.MessageText.StartsWith("unsupported startup parameter", StringComparison.Ordinal)
            || exception.MessageText.Contains("statement pooling", StringComparison.Ordinal));
}

/// <summary>The database or the pooler in front of it cannot be used as configured. The message contains the fix.</summary>
internal sealed class UnusableDatabaseException(string message) : Exception(message);
