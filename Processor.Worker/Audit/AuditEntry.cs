using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using NpgsqlTypes;
using Processor.Worker.Persistence;

namespace Processor.Worker.Audit;

/// <summary>One act of an operator, or a rejected attempt: who did what, when, why, and to how many.</summary>
internal sealed class AuditEntry
{
    /// <summary>Set by the database; in the order recorded.</summary>
    public long Id { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The identity of the key.</summary>
    public required string Who { get; init; }

    /// <summary>One of <see cref="AuditActions"/>.</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to: ids, a place, or a filter as JSON.</summary>
    public required string Target { get; init; }

    /// <summary>The operator's reason; null where none is asked for.</summary>
    public string? Reason { get; init; }

    public required AuditOutcome Outcome { get; init; }

    /// <summary>How many messages, events or bodies it concerned; null while unknown.</summary>
    public long? Count { get; init; }

    public static AuditEntry Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetInt64(0),
        At = row.GetFieldValue<DateTimeOffset>(1),
        Who = row.GetString(2),
        Action = row.GetString(3),
        Target = row.GetString(4),
        Reason = row.TextOrNull(5),
        Outcome = AuditOutcomes.Parse(row.GetString(6)),
        Count = row.IsDBNull(7) ? null : row.GetInt64(7),
    };

    internal sealed class Mapping : IEntityTypeConfiguration<AuditEntry>
    {
        public void Configure(EntityTypeBuilder<AuditEntry> builder)
        {
            builder.ToTable("audit_log", table => table.HasCheckConstraint("audit_log_outcome", "outcome in ('started', 'done', 'failed', 'rejected')"));
            builder.HasKey(row => row.Id).HasName("audit_log_pkey");
            builder.Property(row => row.Id).HasColumnName("id").UseIdentityAlwaysColumn();
            builder.Property(row => row.At).HasColumnName("at");
            builder.Property(row => row.Who).HasColumnName("who");
            builder.Property(row => row.Action).HasColumnName("action");
            builder.Property(row => row.Target).HasColumnName("target");
            builder.Property(row => row.Reason).HasColumnName("reason");
            builder.Property(row => row.Outcome).HasColumnName("outcome").HasConversion(outcome => outcome.Name(), text => AuditOutcomes.Parse(text));
            builder.Property(row => row.Count).HasColumnName("count");
            // Lists are in this order, and people act rarely: the other filters need no index.
            builder.HasIndex(row => new { row.At, row.Id }).HasDatabaseName("audit_log_at");
        }
    }
}

/// <summary>An entry to be recorded.</summary>
internal sealed record AuditDraft(string Who, string Action, string Target, string? Reason, AuditOutcome Outcome, long? Count)
{
    // A thousand ids of parked messages are shorter. A filter may contain ids of any length.
    private const int MaxLength = 100_000;

    public static AuditDraft Started(string who, string action, string target, string reason) => new(who, action, target, reason, AuditOutcome.Started, null);

    public static AuditDraft Done(string who, string action, string target, string? reason, long count) =>
        new(who, action, target, reason, AuditOutcome.Done, count);

    public static AuditDraft Rejected(string who, string action, string target) => new(who, action, target, null, AuditOutcome.Rejected, null);

    public NpgsqlBatchCommand Insert(DateTimeOffset now) => new(
        "insert into audit_log (at, who, action, target, reason, outcome, count) values ($1, $2, $3, $4, $5, $6, $7) returning id")
    {
        Parameters =
        {
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            new NpgsqlParameter<string> { TypedValue = Who },
            new NpgsqlParameter<string> { TypedValue = Action },
            new NpgsqlParameter<string> { TypedValue = Target.Length > MaxLength ? Target[..MaxLength] : Target },
            new NpgsqlParameter<string?> { TypedValue = Reason, NpgsqlDbType = NpgsqlDbType.Text },
            new NpgsqlParameter<string> { TypedValue = Outcome.Name() },
            new NpgsqlParameter<long?> { TypedValue = Count, NpgsqlDbType = NpgsqlDbType.Bigint },
        },
    };
}

/// <summary>What an operator can do.</summary>
internal static class AuditActions
{
    public const string Release = "release";
    public const string Discard = "discard";
    public const string Replay = "replay";
    public const string StopReplay = "replay.stop";
    public const string Resend = "resend";
    public const string ShowRaw = "raw";
    public const string Register = "register";
    public const string Erase = "erase";

    public static string[] All { get; } = [Release, Discard, Replay, StopReplay, Resend, ShowRaw, Register, Erase];
}

/// <summary>How an act ended.</summary>
internal enum AuditOutcome
{
    /// <summary>Recorded before an act that cannot share its transaction. It remains after a crash: part of the act may be done.</summary>
    Started,

    Done,

    /// <summary>It ended early; the count says how far it got.</summary>
    Failed,

    /// <summary>The key lacks the right, or another key has registered the job.</summary>
    Rejected,
}

internal static class AuditOutcomes
{
    public static string[] Names { get; } = ["started", "done", "failed", "rejected"];

    /// <summary>The name in the table and in answers.</summary>
    public static string Name(this AuditOutcome outcome) => Names[(int)outcome];

    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="Persistence.NewerVersionException">A newer version wrote it.</exception>
    public static AuditOutcome Parse(string text) =>
        Array.IndexOf(Names, text) is >= 0 and var index ? (AuditOutcome)index : throw new Persistence.NewerVersionException("an outcome of an act");
}
