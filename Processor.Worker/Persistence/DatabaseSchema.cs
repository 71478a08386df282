using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>The database schema: updated by <c>migrate</c>, only read by everyone else.</summary>
internal sealed class DatabaseSchema(NpgsqlDataSource database, IDbContextFactory<ProcessorDbContext> contexts)
{
    /// <summary>
    /// Days for which partitions of <c>webhook_bodies</c> are created in advance; a day without one goes into the default partition.
    /// </summary>
    private const int PartitionDaysAhead = 14;

    private const int NoTimeout = 0;

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(200);

    private static string[] KnownMigrations =>
        [.. typeof(DatabaseSchema).Assembly.GetTypes().Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id).OfType<string>()];

    /// <summary>Applies missing migrations. Several processes may call it at once: the others wait for the first.</summary>
    /// <returns>The migrations that were applied.</returns>
    public async Task<IReadOnlyList<string>> MigrateAsync(CancellationToken cancellationToken)
    {
        // Entity Framework locks a table that does not exist on the first run.
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await LockAsync(connection, cancellationToken);

        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        // Building an index on a large table takes minutes.
        context.Database.SetCommandTimeout(NoTimeout);
        // Otherwise the first migration queries a table that does not exist, and Entity Framework logs that as an error.
        await context.GetService<IHistoryRepository>().CreateIfNotExistsAsync(cancellationToken);
        var pending = await context.Database.GetPendingMigrationsAsync(cancellationToken);
        await context.Database.MigrateAsync(cancellationToken);
        await GrantPartitionsAsync(cancellationToken);
        await CreatePartitionsAsync(cancellationToken);
        return [.. pending];
    }

    /// <summary>True when every migration known to this version is applied.</summary>
    public async Task<bool> IsCurrentAsync(CancellationToken cancellationToken)
    {
        // Entity Framework is not used here: a worker would build its model, which takes seconds and megabytes, for this one query.
        var known = KnownMigrations;
        await using var command = database.CreateCommand("""select count(*) from "__EFMigrationsHistory" where "MigrationId" = any($1)""");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = known });
        try
        {
            return (long)(await command.ExecuteScalarAsync(cancellationToken))! == known.Length;
        }
        // Missing rights count as not migrated, since `migrate` grants them.
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InsufficientPrivilege)
        {
            return false;
        }
    }

    /// <summary>True when a newer version has migrated. The caller holds the lock of migrations.</summary>
    internal static async Task<bool> IsNewerAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """select exists (select from "__EFMigrationsHistory" where "MigrationId" collate "C" > $1)""", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = KnownMigrations.Max(StringComparer.Ordinal)! });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>
    /// Waits while another process migrates. The lock ends with its transaction, which may stay idle during the migration.
    /// </summary>
    /// <remarks>
    /// Neither waiting for the lock nor holding it keeps a snapshot: <c>create index concurrently</c> would wait for it, and this for that. Hence it is
    /// tried again and again, and no query comes last.
    /// </remarks>
    internal static async Task LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var @lock = new NpgsqlCommand(
            """
            select pg_try_advisory_xact_lock(hashtext('processor-worker migrate'));
            set local lock_timeout = 0;
            set local idle_in_transaction_session_timeout = 0;
            """,
            connection);
        while (!(bool)(await @lock.ExecuteScalarAsync(cancellationToken))!)
        {
            await Task.Delay(LockInterval, cancellationToken);
        }
    }

    /// <summary>
    /// Grants every role that may write bodies the right to create partitions, including roles granted the former only after the migration
    /// that granted the latter.
    /// </summary>
    private async Task GrantPartitionsAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            do
            $$
            declare
                writer record;
            begin
                for writer in
                    select distinct privilege.grantee as id, privilege.grantee::regrole::text as name
                    from pg_class as bodies, aclexplode(bodies.relacl) as privilege
                    where bodies.oid = 'public.webhook_bodies'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                loop
                    if not has_function_privilege(writer.id, 'public.create_webhook_bodies_partitions(integer)', 'execute') then
                        -- The name is quoted already.
                        execute 'grant execute on function public.create_webhook_bodies_partitions(integer) to ' || writer.name;
                    end if;
                end loop;
            end
            $$
            """);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Creates the partitions of the coming days. The function runs as its owner, so the service needs no right to create tables.
    /// </summary>
    public async Task CreatePartitionsAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select create_webhook_bodies_partitions($1)");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = PartitionDaysAhead });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
