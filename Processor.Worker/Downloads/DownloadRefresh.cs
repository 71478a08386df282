using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Downloads;

/// <summary>
/// A request for fresh URLs of a job's downloads, and its answer. Its primary key limits the questions to Magic Hour: a row is reopened no
/// sooner than a minute after its question, regardless of the caller. The reconciler deletes it after <see cref="DownloadRefreshes.Lifetime"/>.
/// </summary>
internal sealed record DownloadRefresh
{
    public required string JobId { get; init; }

    /// <summary>The job's <see cref="Job.Resource"/>: the path of the API.</summary>
    public required string Kind { get; init; }

    public required RefreshState State { get; init; }

    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When the reconciler last took it to ask the API; earlier than the request until it does so again. Null before the first time.</summary>
    public DateTimeOffset? AskedAt { get; init; }

    /// <summary>The API's answer in a word; that of an earlier request while this one is open.</summary>
    public string? Answer { get; init; }

    /// <summary>The downloads that the API offers, in the format of <c>jobs.downloads</c>; those of an earlier request while this one is open.</summary>
    public string? Downloads { get; init; }

    internal sealed class Mapping : IEntityTypeConfiguration<DownloadRefresh>
    {
        public void Configure(EntityTypeBuilder<DownloadRefresh> builder)
        {
            builder.ToTable("download_refreshes", table => table.HasCheckConstraint(
                "download_refreshes_state", "state in ('open', 'refreshed', 'not_offered', 'unavailable')"));
            builder.HasKey(row => row.JobId).HasName("download_refreshes_pkey");
            // Finds the open ones, which are among the newest, and the old ones to delete.
            builder.HasIndex(row => row.RequestedAt).HasDatabaseName("download_refreshes_requested_at");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.Kind).HasColumnName("kind");
            builder.Property(row => row.State).HasColumnName("state")
                .HasConversion(state => state.Name(), text => RefreshStates.Parse(text));
            builder.Property(row => row.RequestedAt).HasColumnName("requested_at");
            builder.Property(row => row.AskedAt).HasColumnName("asked_at");
            builder.Property(row => row.Answer).HasColumnName("answer");
            builder.Property(row => row.Downloads).HasColumnName("downloads").HasColumnType("jsonb");
        }
    }
}

/// <summary>The state of a request for fresh URLs.</summary>
internal enum RefreshState
{
    /// <summary>Not answered yet.</summary>
    Open,

    /// <summary>The API offers downloads.</summary>
    Refreshed,

    /// <summary>The API has answered and offers none.</summary>
    NotOffered,

    /// <summary>The API has failed, asks to slow down or rejects the key; or the answer could not be published.</summary>
    Unavailable,
}

internal static class RefreshStates
{
    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static RefreshState Parse(string text) => text switch
    {
        "open" => RefreshState.Open,
        "refreshed" => RefreshState.Refreshed,
        "not_offered" => RefreshState.NotOffered,
        "unavailable" => RefreshState.Unavailable,
        _ => throw new NewerVersionException("the state of a request for downloads"),
    };

    /// <summary>The name in the table.</summary>
    public static string Name(this RefreshState state) => state switch
    {
        RefreshState.Open => "open",
        RefreshState.Refreshed => "refreshed",
        RefreshState.NotOffered => "not_offered",
        RefreshState.Unavailable => "unavailable",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
