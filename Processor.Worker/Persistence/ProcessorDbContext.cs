using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;
using Processor.Worker.Registration;

namespace Processor.Worker.Persistence;

/// <summary>
/// Owns the schema, and the queries that people read. The hot path writes with commands of its own, which stand beside each entity.
/// </summary>
/// <remarks>After a change to the model: <c>dotnet ef migrations add NAME --project Processor.Worker --output-dir Persistence/Migrations</c>.</remarks>
internal sealed class ProcessorDbContext(DbContextOptions<ProcessorDbContext> options) : DbContext(options)
{
    public DbSet<WebhookEvent> WebhookEvents => Set<WebhookEvent>();

    public DbSet<WebhookBody> WebhookBodies => Set<WebhookBody>();

    public DbSet<QuarantinedEvent> QuarantinedEvents => Set<QuarantinedEvent>();

    public DbSet<Job> Jobs => Set<Job>();

    public DbSet<JobRegistration> JobRegistrations => Set<JobRegistration>();

    public DbSet<Notification> Notifications => Set<Notification>();

    public DbSet<InboxState> InboxState => Set<InboxState>();

    public DbSet<DeliveryAttempt> DeliveryAttempts => Set<DeliveryAttempt>();

    public DbSet<OutboxMessage> OutboxMessages => Set<OutboxMessage>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.ApplyConfigurationsFromAssembly(GetType().Assembly);

    internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<ProcessorDbContext>
    {
        public ProcessorDbContext CreateDbContext(string[] args) =>
            new(new DbContextOptionsBuilder<ProcessorDbContext>().UseNpgsql("Host=localhost").Options);
    }
}
