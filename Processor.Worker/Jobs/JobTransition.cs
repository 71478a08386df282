using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>An event moved a job to a greater status: what other services are told about.</summary>
/// <param name="EventId">The event that did it.</param>
/// <param name="From">Null when the job was not known.</param>
internal sealed record JobTransition(Guid EventId, string JobId, JobStatus? From, JobFact Fact)
{
    /// <summary>The job has ended by it: its owner is told.</summary>
    public bool IsEnd => Fact.Status is JobStatus.Completed or JobStatus.Failed;

    /// <summary>
    /// The transitions that new events make, as if each had been committed alone, in the order in which they were received: how
    /// messages happened to be grouped changes nothing for those who are told.
    /// </summary>
    /// <param name="known">What was committed before.</param>
    /// <param name="added">The new events of the same job.</param>
    public static IEnumerable<JobTransition> Of(
        string jobId, IEnumerable<JobFact> known, IEnumerable<(Guid EventId, JobFact Fact)> added)
    {
        var status = known.Select(fact => (JobStatus?)fact.Status).Max();
        foreach (var (eventId, fact) in added.OrderBy(one => one.Fact.ReceivedAt).ThenBy(one => one.Fact.Status))
        {
            if (status is null || fact.Status > status)
            {
                yield return new JobTransition(eventId, jobId, status, fact);
                status = fact.Status;
            }
        }
    }

    /// <summary>The domain event that announces it.</summary>
    public object ToDomainEvent() => Fact.Status switch
    {
        JobStatus.Rendering => new JobStarted
        {
            JobId = JobId,
            Resource = Fact.Resource,
            ProjectType = Fact.ProjectType,
            Name = Fact.Name,
            StartedAt = Fact.ReceivedAt,
        },
        JobStatus.Completed => new JobCompleted
        {
            JobId = JobId,
            Resource = Fact.Resource,
            ProjectType = Fact.ProjectType,
            Name = Fact.Name,
            Downloads = [.. Fact.Downloads.Select(download => download.ToContract())],
            CreditsCharged = Fact.CreditsCharged,
            CorrectsFailure = From is JobStatus.Failed,
            CompletedAt = Fact.ReceivedAt,
        },
        JobStatus.Failed => new JobFailed
        {
            JobId = JobId,
            Resource = Fact.Resource,
            ProjectType = Fact.ProjectType,
            Name = Fact.Name,
            ErrorCode = Fact.ErrorCode,
            ErrorMessage = Fact.ErrorMessage,
            FailedAt = Fact.ReceivedAt,
        },
        _ => throw new InvalidOperationException($"No event moves a job to {Fact.Status}."),
    };
}
