using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archive;

/// <summary>
/// One file of a job in the archive, or on its way there. The row is written before anything reaches the store and deleted after everything has left
/// it, so that the store holds nothing unknown.
/// </summary>
internal sealed record ArchivedDownload
{
    public required string JobId { get; init; }

    /// <summary>Identifies the file regardless of the signature in its URL (<see cref="FileIds"/>).</summary>
    public required string FileId { get; init; }

    public required ArchiveState State { get; init; }

    /// <summary>The key of the object.</summary>
    public required string ObjectKey { get; init; }

    /// <summary>The multipart upload that a copy continues. Null before it begins, and for a small file.</summary>
    public string? UploadId { get; init; }

    /// <summary>The strong ETag of the content with which the upload began. Null when its host gave none; the copy then starts over.</summary>
    public string? SourceTag { get; init; }

    /// <summary>Attempts that have failed.</summary>
    public int Attempts { get; init; }

    public required DateTimeOffset NextAttemptAt { get; init; }

    /// <summary>Why the last attempt failed. Null when none has.</summary>
    public string? LastError { get; init; }

    /// <summary>Bytes. Null until it is stored.</summary>
    public long? Size { get; init; }

    /// <summary>Of the content. Null until it is stored.</summary>
    public byte[]? Sha256 { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StoredAt { get; init; }

    internal sealed class Mapping : IEntityTypeConfiguration<ArchivedDownload>
    {
        public void Configure(EntityTypeBuilder<ArchivedDownload> builder)
        {
            builder.ToTable("archived_downloads", table => table.HasCheckConstraint(
                "archived_downloads_state", "state in ('copying', 'stored', 'failed', 'erasing')"));
            builder.HasKey(row => new { row.JobId, row.FileId }).HasName("archived_downloads_pkey");
            // Few rows: the work to do, and its metrics.
            builder.HasIndex(row => row.NextAttemptAt).HasDatabaseName("archived_downloads_due").HasFilter("state in ('copying', 'erasing')");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.FileId).HasColumnName("file_id");
            builder.Property(row => row.State).HasColumnName("state").HasConversion(state => state.Name(), text => ArchiveStates.Parse(text));
            builder.Property(row => row.ObjectKey).HasColumnName("object_key");
            builder.Property(row => row.UploadId).HasColumnName("upload_id");
            builder.Property(row => row.SourceTag).HasColumnName("source_tag");
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.NextAttemptAt).HasColumnName("next_attempt_at");
            builder.Property(row => row.LastError).HasColumnName("last_error");
            builder.Property(row => row.Size).HasColumnName("size");
            builder.Property(row => row.Sha256).HasColumnName("sha256");
            builder.Property(row => row.CreatedAt).HasColumnName("created_at");
            builder.Property(row => row.StoredAt).HasColumnName("stored_at");
        }
    }
}

/// <summary>The state of a file.</summary>
internal enum ArchiveState
{
    /// <summary>To be copied, or being copied.</summary>
    Copying,

    Stored,

    /// <summary>It cannot be copied: its host refuses it, may not be contacted, or it is too large.</summary>
    Failed,

    /// <summary>Its job was erased: the object is to be deleted, and then the row.</summary>
    Erasing,
}

internal static class ArchiveStates
{
    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static ArchiveState Parse(string text) => text switch
    {
        "copying" => ArchiveState.Copying,
        "stored" => ArchiveState.Stored,
        "failed" => ArchiveState.Failed,
        "erasing" => ArchiveState.Erasing,
        _ => throw new NewerVersionException("the state of an archived download"),
    };

    /// <summary>The name in the table.</summary>
    public static string Name(this ArchiveState state) => state switch
    {
        ArchiveState.Copying => "copying",
        ArchiveState.Stored => "stored",
        ArchiveState.Failed => "failed",
        ArchiveState.Erasing => "erasing",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
