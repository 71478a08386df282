using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>The schema of the database: brought up to date by <c>migrate</c>, looked at by everyone else.</summary>
internal sealed class DatabaseSchema(NpgsqlDataSource database, IDbContextFactory<ProcessorDbContext> contexts)
{
    /// <summary>Days for which a partition of <c>webhook_bodies</c> is made ahead; a day without one falls into the default partition.</summary>
    private const int PartitionDaysAhead = 14;

    /// <summary>Applies what is missing. Several may call it at once: the others wait for the first.</summary>
    /// <returns>The migrations that were applied.</returns>
    public async Task<IReadOnlyList<string>> MigrateAsync(CancellationToken cancellationToken)
    {
        // Entity Framework's own lock is on a table that does not exist the first time.
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // It waits for as long as another migrates, and is idle while this one does.
        await using var @lock = new NpgsqlCommand(
            """
            set local lock_timeout = 0;
            set local idle_in_transaction_session_timeout = 0;
            select pg_advisory_xact_lock(hashtext('processor-worker migrate'));
            """,
            connection);
        await @lock.ExecuteNonQueryAsync(cancellationToken);

        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var pending = await context.Database.GetPendingMigrationsAsync(cancellationToken);
        await context.Database.MigrateAsync(cancellationToken);
        await CreatePartitionsAsync(cancellationToken);
        return [.. pending];
    }

    /// <summary>Every migration that this version knows is applied.</summary>
    public async Task<bool> IsCurrentAsync(CancellationToken cancellationToken)
    {
        // Not asked through Entity Framework: a worker would build its model, for seconds and megabytes, for this one question.
        var known = typeof(DatabaseSchema).Assembly.GetTypes().Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id).OfType<string>().ToArray();
        await using var command = database.CreateCommand("""select count(*) from "__EFMigrationsHistory" where "MigrationId" = any($1)""");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = known });
        try
        {
            return (long)(await command.ExecuteScalarAsync(cancellationToken))! == known.Length;
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable)
        {
            return false;
        }
    }

    /// <summary>Makes the partitions of the coming days. The function runs as its owner, so that the service needs no right to create tables.</summary>
    public async Task CreatePartitionsAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select create_webhook_bodies_partitions($1)");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = PartitionDaysAhead });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
