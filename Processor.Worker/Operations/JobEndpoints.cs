using Microsoft.AspNetCore.Http.HttpResults;
using Platform.Contracts;
using Processor.Worker.Audit;
using Processor.Worker.Owners;
using Processor.Worker.Registration;

namespace Processor.Worker.Operations;

/// <summary><c>/jobs/{id}</c>: registers the owner of a job, and shows the job.</summary>
internal sealed class JobEndpoints(JobRegistrar registrar, JobReader jobs, AuditTrail audit, TimeProvider time)
{
    public async Task<Results<Ok<JobView>, ValidationProblem, ProblemHttpResult>> RegisterAsync(
        string id, JobOwner owner, Caller caller, CancellationToken cancellationToken)
    {
        var registration = owner.Register(id, time.GetUtcNow());
        if (RegistrationRules.FindErrors(registration) is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        switch (await registrar.RegisterAsync(registration, caller.Identity, cancellationToken))
        {
            case RegistrationOutcome.Rejected:
                await audit.RecordAsync(AuditDraft.Rejected(caller.Name, AuditActions.Register, id), cancellationToken);
                return TypedResults.Problem(
                    "Another identity has registered this job, and only that identity may change the registration.",
                    statusCode: StatusCodes.Status403Forbidden);
            case RegistrationOutcome.Erased:
                return ErasureEndpoint.Gone;
            default:
                break;
        }

        return TypedResults.Ok((await jobs.FindAsync(id, cancellationToken))?.For(caller));
    }

    public async Task<Results<Ok<JobView>, ProblemHttpResult>> ShowAsync(string id, Caller caller, CancellationToken cancellationToken) =>
        await jobs.FindAsync(id, cancellationToken) is { } job
            ? TypedResults.Ok(job.For(caller))
            : TypedResults.Problem("This job has no event and no registration.", statusCode: StatusCodes.Status404NotFound);
}

/// <summary>The owner of a job and the addresses for notifications; equivalent to the message <see cref="RegisterJob"/>.</summary>
/// <param name="Resource"><c>video</c>, <c>image</c> or <c>audio</c>.</param>
/// <param name="UserId">1 to 200 characters.</param>
/// <param name="Email">Null: no mail.</param>
/// <param name="WebhookUrl">Null: no webhook.</param>
internal sealed record JobOwner(string Resource, string UserId, string? Email = null, string? WebhookUrl = null)
{
    public RegisterJob Register(string jobId, DateTimeOffset now) => new()
    {
        JobId = jobId,
        Resource = Resource,
        UserId = UserId,
        Email = Email,
        WebhookUrl = WebhookUrl,
        RegisteredAt = now,
    };
}
