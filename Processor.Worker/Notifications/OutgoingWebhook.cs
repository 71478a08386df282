using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Notifications;

/// <summary>The body of a webhook that we send: type, time and data, as Standard Webhooks has them. Evolution is additive only.</summary>
/// <param name="Type"><c>job.completed</c> or <c>job.failed</c>.</param>
/// <param name="Timestamp">When it was decided; the time of the attempt is in the header.</param>
internal sealed record OutgoingWebhook(string Type, DateTimeOffset Timestamp, OutgoingJob Data)
{
    public static byte[] Write(Notice notice) => JsonSerializer.SerializeToUtf8Bytes(
        new OutgoingWebhook($"job.{Job.StatusText(notice.Outcome)}", notice.DecidedAt, OutgoingJob.Of(notice)),
        OutgoingWebhookJson.Default.OutgoingWebhook);
}

/// <summary>A job that has ended.</summary>
internal sealed record OutgoingJob
{
    public required string JobId { get; init; }

    public string? UserId { get; init; }

    public required string Resource { get; init; }

    public string? ProjectType { get; init; }

    public string? Name { get; init; }

    /// <summary><c>completed</c> or <c>failed</c>.</summary>
    public required string Status { get; init; }

    /// <summary>An earlier <c>job.failed</c> no longer holds.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>Only of a completed job.</summary>
    public IReadOnlyList<JobDownload>? Downloads { get; init; }

    /// <summary>Only of a failed job, like <see cref="ErrorMessage"/>.</summary>
    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public static OutgoingJob Of(Notice notice)
    {
        var isCompleted = notice.Outcome is JobStatus.Completed;
        return new OutgoingJob
        {
            JobId = notice.JobId,
            UserId = notice.UserId,
            Resource = notice.Resource,
            ProjectType = notice.ProjectType,
            Name = notice.Name,
            Status = Job.StatusText(notice.Outcome),
            CorrectsFailure = notice.CorrectsFailure,
            Downloads = isCompleted
                ? [.. notice.Downloads.Select(download => new JobDownload(download.Url, JobPayload.ReadTime(download.ExpiresAt)))]
                : null,
            ErrorCode = isCompleted ? null : notice.ErrorCode,
            ErrorMessage = isCompleted ? null : notice.ErrorMessage,
        };
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OutgoingWebhook))]
internal sealed partial class OutgoingWebhookJson : JsonSerializerContext;
