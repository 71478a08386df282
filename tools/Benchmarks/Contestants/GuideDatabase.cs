using Microsoft.EntityFrameworkCore;

namespace Platform.Benchmarks.Contestants;

/// <summary>The tables of the guide's handler, which uses one Entity Framework session per event.</summary>
internal sealed class GuideDatabase(DbContextOptions<GuideDatabase> options) : DbContext(options)
{
    public DbSet<GuideEvent> Events => Set<GuideEvent>();

    public DbSet<GuideJob> Jobs => Set<GuideJob>();

    public static void Configure(DbContextOptionsBuilder builder, string postgres) =>
        builder.UseNpgsql(postgres + ";Options=-c jit=off;Max Auto Prepare=50");

    /// <summary>Adds the event and updates its job unless the event is known. Does not save.</summary>
    public async Task ApplyAsync(GuideEvent received, CancellationToken cancellationToken)
    {
        if (await Events.AnyAsync(one => one.EventId == received.EventId, cancellationToken))
        {
            return;
        }

        Events.Add(received);
        var job = await Jobs.FindAsync([received.JobId], cancellationToken);
        if (job is null)
        {
            job = new GuideJob { JobId = received.JobId, Status = "", UpdatedAt = received.ReceivedAt };
            Jobs.Add(job);
        }

        job.Status = received.EventType.EndsWith("completed", StringComparison.Ordinal) ? "completed" : "rendering";
        job.UpdatedAt = received.ReceivedAt;
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<GuideEvent>().ToTable("events").HasKey(one => one.EventId);
        modelBuilder.Entity<GuideEvent>().Property(one => one.EventId).HasColumnName("event_id").ValueGeneratedNever();
        modelBuilder.Entity<GuideEvent>().Property(one => one.ReceivedAt).HasColumnName("received_at");
        modelBuilder.Entity<GuideJob>().ToTable("jobs").HasKey(job => job.JobId);
    }
}

internal sealed class GuideEvent
{
    public required Guid EventId { get; init; }

    public required string EventType { get; init; }

    public required string JobId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required byte[] Body { get; init; }
}

internal sealed class GuideJob
{
    public required string JobId { get; init; }

    public required string Status { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }
}
