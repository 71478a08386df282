using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>A migration that is not applied yet, and what it would execute.</summary>
/// <param name="Statements">SQL without a terminator; one of them may hold several statements.</param>
internal sealed record MigrationPlan(string Id, IReadOnlyList<string> Statements)
{
    /// <summary>Those that <c>migrate</c> would apply, in their order. Changes nothing, and needs no rights but to read the history.</summary>
    public static async Task<IReadOnlyList<MigrationPlan>> ReadAsync(
        NpgsqlDataSource database, IDbContextFactory<ProcessorDbContext> contexts, CancellationToken cancellationToken)
    {
        var applied = await ReadAppliedAsync(database, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return [.. context.Database.GetMigrations().Where(id => !applied.Contains(id)).Select(id => Create(context, id))];
    }

    /// <summary>What one of the known migrations executes.</summary>
    public static MigrationPlan Create(ProcessorDbContext context, string id)
    {
        var assembly = context.GetService<IMigrationsAssembly>();
        var migration = assembly.CreateMigration(assembly.Migrations[id], context.Database.ProviderName!);
        var model = context.GetService<IModelRuntimeInitializer>().Initialize(migration.TargetModel);
        var commands = context.GetService<IMigrationsSqlGenerator>().Generate(migration.UpOperations, model);
        return new MigrationPlan(id, [.. commands.Select(command => command.CommandText.Trim().TrimEnd(';'))]);
    }

    private static async Task<HashSet<string>> ReadAppliedAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        var applied = new HashSet<string>();
        await using var command = database.CreateCommand("""select "MigrationId" from "__EFMigrationsHistory" """);
        try
        {
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                applied.Add(rows.GetString(0));
            }
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable)
        {
            // An empty database: nothing is applied.
        }

        return applied;
    }
}
