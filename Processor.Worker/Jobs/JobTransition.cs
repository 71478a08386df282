using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>An event moved a job to a higher status. Other services learn of it by a domain event.</summary>
/// <param name="EventId">The event that caused it.</param>
/// <param name="From">Null for the job's first event.</param>
internal sealed record JobTransition(Guid EventId, string JobId, JobStatus? From, JobFact Fact)
{
    /// <summary>The transition ended the job, so its owner is notified.</summary>
    public bool IsEnd => Fact.Status is JobStatus.Completed or JobStatus.Failed or JobStatus.Canceled;

    /// <summary>
    /// The transitions caused by new events, as if each had been committed alone, in the order received. Domain events and notifications
    /// therefore do not depend on how messages were grouped.
    /// </summary>
    /// <param name="known">The facts committed before.</param>
    /// <param name="added">The new events of the same job.</param>
    public static IEnumerable<JobTransition> Between(
        string jobId, IReadOnlyList<JobFact> known, IEnumerable<(Guid EventId, JobFact Fact)> added)
    {
        var status = GreatestStatus(known);
        (Guid EventId, JobFact Fact)[] inOrder = [.. added];
        Array.Sort(inOrder, (one, other) => AsReceived(one.Fact, other.Fact));
        foreach (var (eventId, fact) in inOrder)
        {
            if (status is null || fact.Status > status)
            {
                yield return new JobTransition(eventId, jobId, status, fact);
                status = fact.Status;
            }
        }
    }

    /// <summary>The domain event for this transition.</summary>
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
            Downloads = ToContract(Fact.Downloads),
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
        JobStatus.Canceled => new JobCanceled
        {
            JobId = JobId,
            Resource = Fact.Resource,
            ProjectType = Fact.ProjectType,
            Name = Fact.Name,
            IsDeleted = Fact.DeletedAt is not null,
            CanceledAt = Fact.ReceivedAt,
        },
        _ => throw new InvalidOperationException($"No event moves a job to {Fact.Status}."),
    };

    private static JobStatus? GreatestStatus(IReadOnlyList<JobFact> facts)
    {
        JobStatus? greatest = null;
        foreach (var fact in facts)
        {
            greatest = greatest >= fact.Status ? greatest : fact.Status;
        }

        return greatest;
    }

    private static int AsReceived(JobFact one, JobFact other)
    {
        var order = one.ReceivedAt.CompareTo(other.ReceivedAt);
        order = order != 0 ? order : one.Status.CompareTo(other.Status);
        return order != 0 ? order : string.CompareOrdinal(one.Resource, other.Resource);
    }

    private static JobDownload[] ToContract(IReadOnlyList<Download> downloads)
    {
        var files = new JobDownload[downloads.Count];
        for (var i = 0; i < files.Length; i++)
        {
            files[i] = downloads[i].ToContract();
        }

        return files;
    }
}
