using Microsoft.EntityFrameworkCore;
using Npgsql;
using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Measures;
using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>The database, as the bench uses it.</summary>
/// <param name="platform">The platform's database, as a connection string.</param>
/// <param name="server">The server's own.</param>
internal sealed class BenchTables(string platform, string server) : IAsyncDisposable
{
    /// <summary>When how many rows left the outbox.</summary>
    public const string OutboxEmptied = "bench_outbox_emptied";

    // Held by the bench while the outbox must keep its rows.
    private const int OutboxLock = 4;

    // The worker's own time-out for locks would let its dispatcher try again and again.
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

    /// <summary>The platform's database itself.</summary>
    public NpgsqlDataSource Database { get; } = NpgsqlDataSource.Create(platform);

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(Database, Watches, cancellationToken);
        if (PostgresSettings.CountsStatements)
        {
            await ExecuteAsync(_server, "create extension pg_stat_statements", cancellationToken);
        }
    }

    /// <summary>Everything empty, and nothing left to be written to the disk for it.</summary>
    public async Task ClearAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            Database,
            """
            truncate webhook_events, webhook_bodies, jobs, inbox_state, outbox_message, quarantined_events, delivery_attempts,
                     job_registrations, notifications, bench_outbox_emptied
            """,
            cancellationToken);
        await ExecuteAsync(_server, "checkpoint", cancellationToken);
    }

    /// <summary>Jobs whose owner is known before their first event, as a registration leaves them.</summary>
    /// <param name="contact">Where the owner is told.</param>
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
        // As they stand where jobs come and go all day.
        await ExecuteAsync(Database, "vacuum (analyze) job_registrations, jobs", cancellationToken);
    }

    /// <summary>Keeps all rows in the outbox until disposed of: the dispatcher's first delete waits.</summary>
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

    public async Task<T> ReadAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public Task<PostgresCounters> ReadCountersAsync(CancellationToken cancellationToken) =>
        PostgresCounters.ReadAsync(
            _server, new NpgsqlConnectionStringBuilder(platform).Database!, PostgresSettings.CountsStatements, cancellationToken);

    /// <summary>A new database with the tables of those that do it the usual way.</summary>
    public async Task<string> CreateUsualAsync(string name, CancellationToken cancellationToken)
    {
        await ExecuteAsync(_server, $"drop database if exists {name} with (force)", cancellationToken);
        // Of the round before, when that was a short one.
        NpgsqlConnection.ClearAllPools();
        var connectionString = await PostgresServer.CreateDatabaseAsync(server, name, cancellationToken);
        var options = new DbContextOptionsBuilder<UsualDatabase>();
        UsualDatabase.Configure(options, connectionString);
        await using var context = new UsualDatabase(options.Options);
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

/// <summary>Where an owner is told; nowhere, when both are null.</summary>
internal readonly record struct Contact(string? Email, string? WebhookUrl);
