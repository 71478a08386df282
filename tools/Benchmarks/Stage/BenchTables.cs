using Microsoft.EntityFrameworkCore;
using Npgsql;
using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Measures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>The bench's access to the database.</summary>
/// <param name="platform">Connection string of the platform's database.</param>
/// <param name="server">Connection string of the server's default database.</param>
internal sealed class BenchTables(string platform, string server) : IAsyncDisposable
{
    /// <summary>Table that records when rows left the outbox, and how many.</summary>
    public const string OutboxEmptied = "bench_outbox_emptied";

    private const string GuideDatabaseName = "guide";

    // Advisory lock that the bench holds while the outbox must keep its rows.
    private const int OutboxLock = 4;

    // Disables the lock time-out; otherwise the worker's dispatcher would keep retrying.
    private const string Watches =
        """
        create table bench_outbox_emptied (rows bigint not null);

        create function bench_hold_outbox() returns trigger language plpgsql set lock_timeout = 0 as
        $$ begin perform pg_advisory_xact_lock_shared(4); return null; end $$;
        create trigger bench_hold_outbox before delete on outbox_message for each statement execute function bench_hold_outbox();

        create function bench_count_outbox() returns trigger language plpgsql as
        $$
        begin
            insert into bench_outbox_emptied select count(*) from gone having count(*) > 0;
            return null;
        end
        $$;
        create trigger bench_count_outbox after delete on outbox_message referencing old table as gone
            for each statement execute function bench_count_outbox();
        """;

    private readonly NpgsqlDataSource _server = NpgsqlDataSource.Create(server);

    /// <summary>The platform's database.</summary>
    public NpgsqlDataSource Database { get; } = NpgsqlDataSource.Create(platform);

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(Database, Watches, cancellationToken);
        if (PostgresSettings.CountsStatements)
        {
            await ExecuteAsync(_server, "create extension pg_stat_statements", cancellationToken);
        }
    }

    /// <summary>Empties all tables and writes a checkpoint.</summary>
    public async Task ClearAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            Database,
            """
            truncate webhook_events, webhook_bodies, jobs, inbox_state, outbox_message, quarantined_events, delivery_attempts,
                     job_registrations, notifications, job_checks, received_numbers, publish_periods, publish_sources, ingress_answers, bench_outbox_emptied
            """,
            cancellationToken);
        // Wolverine creates it at its start.
        await ExecuteAsync(Database, "drop schema if exists wolverine cascade", cancellationToken);
        await ExecuteAsync(_server, "checkpoint", cancellationToken);
    }

    /// <summary>Inserts jobs that were registered before their first event.</summary>
    /// <param name="contact">The owner's contact.</param>
    public async Task RegisterAsync(IEnumerable<string> jobIds, Contact contact, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(
            """
            with registered as (
                insert into job_registrations (job_id, resource, user_id, email, webhook_url, registered_at)
                select job_id, 'video', 'bench', $2, $3, now() from unnest($1) as job_id
                returning *
            )
            insert into jobs (magic_hour_id, resource, status, user_id, created_at, updated_at)
            select job_id, resource, 'queued', user_id, registered_at, registered_at from registered
            """);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. jobIds] });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = contact.Email });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = contact.WebhookUrl });
        await command.ExecuteNonQueryAsync(cancellationToken);
        // Statistics as in a database with continuous traffic.
        await ExecuteAsync(Database, "vacuum (analyze) job_registrations, jobs", cancellationToken);
    }

    /// <summary>Inserts running jobs that the reconciler should have asked about long ago.</summary>
    public async Task AddOverdueChecksAsync(int count, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(
            """
            with overdue as (
                insert into jobs (magic_hour_id, resource, status, created_at, started_at, updated_at)
                select 'overdue-' || i, 'video', 'rendering', now() - interval '2 hours', now() - interval '2 hours', now() - interval '2 hours'
                from generate_series(1, $1) as i
                returning magic_hour_id, created_at
            )
            insert into job_checks (job_id, kind, state, next_check_at, since, attempts, failures, not_found)
            select magic_hour_id, 'video', 'waiting', now() - interval '1 hour', created_at, 0, 0, 0 from overdue
            """);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = count });
        await command.ExecuteNonQueryAsync(cancellationToken);
        await ExecuteAsync(Database, "vacuum (analyze) jobs, job_checks", cancellationToken);
    }

    /// <summary>Keeps all rows in the outbox until disposed of: the dispatcher's first delete blocks.</summary>
    public async Task<IAsyncDisposable> HoldOutboxAsync(CancellationToken cancellationToken)
    {
        var connection = await Database.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"select pg_advisory_lock({OutboxLock})", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return new Hold(connection);
    }

    public Task<long> CountAsync(string table, CancellationToken cancellationToken) =>
        ReadAsync<long>($"select count(*) from {table}", cancellationToken);

    public Task<string> ReadVersionAsync(CancellationToken cancellationToken) =>
        ReadAsync<string>("select split_part(current_setting('server_version'), ' ', 1)", cancellationToken);

    /// <summary>Notified owners per second; NaN when there were too few for a rate.</summary>
    public async Task<double> ReadNotifiedRateAsync(CancellationToken cancellationToken) => await ReadAsync<double?>(
        """
        select (count(*) / nullif(extract(epoch from max(delivered_at) - min(delivered_at)), 0))::float8
        from notifications where status = 'delivered'
        """,
        cancellationToken) ?? double.NaN;

    private async Task<T> ReadAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        // Uses a reader, because ExecuteScalar returns DBNull for a database null.
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return await row.GetFieldValueAsync<T>(0, cancellationToken);
    }

    public Task<PostgresCounters> ReadCountersAsync(CancellationToken cancellationToken) =>
        PostgresCounters.ReadAsync(
            _server, new NpgsqlConnectionStringBuilder(platform).Database!, PostgresSettings.CountsStatements, cancellationToken);

    /// <summary>Creates a database with the tables of the guide's handler.</summary>
    public async Task<string> CreateGuideDatabaseAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(_server, $"drop database if exists {GuideDatabaseName} with (force)", cancellationToken);
        // Connections of a short previous round may still be pooled.
        NpgsqlConnection.ClearAllPools();
        var connectionString = await PostgresServer.CreateDatabaseAsync(server, GuideDatabaseName, cancellationToken);
        var options = new DbContextOptionsBuilder<GuideDatabase>();
        GuideDatabase.Configure(options, connectionString);
        await using var context = new GuideDatabase(options.Options);
        await context.Database.EnsureCreatedAsync(cancellationToken);
        return connectionString;
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed class Hold(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using var command = new NpgsqlCommand($"select pg_advisory_unlock({OutboxLock})", connection);
            await command.ExecuteNonQueryAsync();
            await connection.DisposeAsync();
        }
    }
}

/// <summary>An owner's contact; both null for an owner without notifications.</summary>
internal readonly record struct Contact(string? Email, string? WebhookUrl);
