using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Processor.Worker.Archive;
using Processor.Worker.Events;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Operations;

/// <summary>Reads a job with everything that belongs to it.</summary>
internal sealed class JobReader(IDbContextFactory<ProcessorDbContext> contexts, ArchiveLinks archive, IOptions<JaegerOptions> jaeger)
{
    /// <returns>Null when the job is unknown.</returns>
    public async Task<JobView?> FindAsync(string jobId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        if (await context.Set<Job>().AsNoTracking().FirstOrDefaultAsync(job => job.MagicHourId == jobId, cancellationToken) is not { } job)
        {
            return null;
        }

        var registration = await context.Set<JobRegistration>().AsNoTracking().FirstOrDefaultAsync(row => row.JobId == jobId, cancellationToken);
        var events = await context.Set<WebhookEvent>().AsNoTracking()
            .Where(row => row.JobId == jobId).OrderBy(row => row.ReceivedAt).ToListAsync(cancellationToken);
        var notifications = await SelectNotifications(context, jobId).ToListAsync(cancellationToken);
        var check = await context.Set<JobCheck>().AsNoTracking().FirstOrDefaultAsync(row => row.JobId == jobId, cancellationToken);
        var erased = await context.Set<ErasedJob>().AsNoTracking().FirstOrDefaultAsync(row => row.JobId == jobId, cancellationToken);
        var downloads = await archive.ReplaceAsync(jobId, VisibleDownload.FromJson(job.Downloads), cancellationToken);
        return JobView.From(job, registration) with
        {
            Downloads = [.. downloads.Take(JobLimits.Downloads).Select(DownloadView.From)],
            ErasedAt = erased?.ErasedAt,
            Check = check is not null && job.Status is (JobStatus.Queued or JobStatus.Rendering) ? CheckView.From(check) : null,
            Events = [.. events.Select(row => EventView.From(row, jaeger.Value))],
            Notifications = [.. notifications.Select(NotificationView.From)],
        };
    }

    /// <summary>Reads the notifications of the end of a job that an event of this type reports; none for other types.</summary>
    public async Task<IReadOnlyList<NotificationView>> FindNotificationsAsync(string jobId, string eventType, CancellationToken cancellationToken)
    {
        if (!JobPayload.TryReadType(eventType, out _, out var outcome))
        {
            return [];
        }

        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var notifications = await SelectNotifications(context, jobId).Where(row => row.Outcome == outcome).ToListAsync(cancellationToken);
        return [.. notifications.Select(NotificationView.From)];
    }

    private static IQueryable<Notification> SelectNotifications(ProcessorDbContext context, string jobId) =>
        context.Set<Notification>().AsNoTracking().Where(row => row.JobId == jobId).OrderBy(row => row.DecidedAt).ThenBy(row => row.Channel);
}
