using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Notifications;

/// <summary>The body of an outgoing webhook: type, time and data, as Standard Webhooks defines. Changes are additive only.</summary>
/// <param name="Type"><c>job.completed</c>, <c>job.failed</c> or <c>job.canceled</c>.</param>
/// <param name="Timestamp">When the notification was decided; the header has the time of the attempt.</param>
/// <param name="Audience">
/// The receiver, as returned by <see cref="Platform.ServiceDefaults.Settings.OutgoingWebhookSecret.AudienceOf"/>. A receiver rejects
/// a webhook with another audience: it was signed for someone else.
/// </param>
internal sealed record OutgoingWebhook(string Type, DateTimeOffset Timestamp, string Audience, OutgoingJob Data)
{
    public static byte[] Write(NotificationDelivery notification, string audience) => JsonSerializer.SerializeToUtf8Bytes(
        new OutgoingWebhook($"job.{Job.StatusText(notification.Outcome)}", notification.DecidedAt, audience, OutgoingJob.From(notification)),
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

    /// <summary><c>completed</c>, <c>failed</c> or <c>canceled</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Corrects an earlier <c>job.failed</c>.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>Set only for a completed job.</summary>
    public IReadOnlyList<JobDownload>? Downloads { get; init; }

    /// <summary>Set only for a failed job, like <see cref="ErrorMessage"/>.</summary>
    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public static OutgoingJob From(NotificationDelivery notification)
    {
        var isCompleted = notification.Outcome is JobStatus.Completed;
        return new OutgoingJob
        {
            JobId = notification.JobId,
            UserId = notification.UserId,
            Resource = notification.Resource,
            ProjectType = notification.ProjectType,
            Name = notification.Name,
            Status = Job.StatusText(notification.Outcome),
            CorrectsFailure = notification.CorrectsFailure,
            Downloads = isCompleted
                ? [.. notification.Downloads.Take(JobLimits.Downloads).Select(download => new JobDownload(download.Url, DownloadExpiry.Read(download.ExpiresAt)))]
                : null,
            ErrorCode = notification.Outcome is JobStatus.Failed ? notification.ErrorCode : null,
            ErrorMessage = notification.Outcome is JobStatus.Failed ? notification.ErrorMessage : null,
        };
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OutgoingWebhook))]
internal sealed partial class OutgoingWebhookJson : JsonSerializerContext;
