using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace Processor.Worker.Persistence;

/// <summary>
/// Owns the schema and the queries of the operations API. The hot path writes with its own commands, defined beside each entity. Entities
/// and their mapping are in their feature folders, on which this folder does not depend.
/// </summary>
/// <remarks>After a change to the model: <c>dotnet ef migrations add NAME --project Processor.Worker --output-dir Persistence/Migrations</c>.</remarks>
internal sealed class ProcessorDbContext(DbContextOptions<ProcessorDbContext> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.ApplyConfigurationsFromAssembly(GetType().Assembly);

    internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<ProcessorDbContext>
    {
        public ProcessorDbContext CreateDbContext(string[] args) =>
            new(new DbContextOptionsBuilder<ProcessorDbContext>().UseNpgsql("Host=localhost").Options);
    }
}
