using Microsoft.EntityFrameworkCore;

namespace Platform.Benchmarks.Contestants;

/// <summary>The tables of the conventional contestants, which use one Entity Framework session per event.</summary>
internal sealed class UsualDatabase(DbContextOptions<UsualDatabase> options) : DbContext(options)
{
    public DbSet<UsualEvent> Events => Set<UsualEvent>();

    public DbSet<UsualJob> Jobs => Set<UsualJob>();

    public DbSet<UsualInboxState> Inbox => Set<UsualInboxState>();

    public DbSet<UsualOutboxMessage> Outbox => Set<UsualOutboxMessage>();

    public static void Configure(DbContextOptionsBuilder builder, string postgres) =>
        builder.UseNpgsql(postgres + ";Options=-c jit=off;Max Auto Prepare=50");

    /// <summary>Adds the event and updates its job unless the event is known. Does not save.</summary>
    public async Task ApplyAsync(UsualEvent received, CancellationToken cancellationToken)
    {
        if (await Events.AnyAsync(one => one.EventId == received.EventId, cancellationToken))
        {
            return;
        }

        Events.Add(received);
        var job = await Jobs.FindAsync([received.JobId], cancellationToken);
        if (job is null)
        {
            job = new UsualJob { JobId = received.JobId, Status = "", UpdatedAt = received.ReceivedAt };
            Jobs.Add(job);
        }

        job.Status = received.EventType.EndsWith("completed", StringComparison.Ordinal) ? "completed" : "rendering";
        job.UpdatedAt = received.ReceivedAt;
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<UsualEvent>().ToTable("events").HasKey(one => one.EventId);
        modelBuilder.Entity<UsualEvent>().Property(one => one.EventId).HasColumnName("event_id").ValueGeneratedNever();
        modelBuilder.Entity<UsualJob>().ToTable("jobs").HasKey(job => job.JobId);
        modelBuilder.Entity<UsualInboxState>().ToTable("inbox").HasKey(one => one.MessageId);
        modelBuilder.Entity<UsualInboxState>().Property(one => one.MessageId).ValueGeneratedNever();
        modelBuilder.Entity<UsualOutboxMessage>().ToTable("outbox").HasKey(one => one.Id);
        modelBuilder.Entity<UsualOutboxMessage>().HasIndex(one => one.MessageId);
    }
}

internal sealed class UsualEvent
{
    public required Guid EventId { get; init; }

    public required string EventType { get; init; }

    public required string JobId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required byte[] Body { get; init; }
}

internal sealed class UsualJob
{
    public required string JobId { get; init; }

    public required string Status { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class UsualInboxState
{
    public required Guid MessageId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public int ReceiveCount { get; set; }

    public DateTimeOffset? ConsumedAt { get; set; }

    public DateTimeOffset? DeliveredAt { get; set; }
}

internal sealed class UsualOutboxMessage
{
    public long Id { get; init; }

    public required Guid MessageId { get; init; }

    public required string Body { get; init; }
}
