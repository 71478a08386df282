using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;

namespace Processor.Worker.Operations;

/// <summary><c>/jobs/{id}</c>: registers the owner of a job, and shows the job.</summary>
internal sealed class JobEndpoints(
    JobRegistrar registrar, IDbContextFactory<ProcessorDbContext> contexts, IOptions<JaegerOptions> jaeger, TimeProvider time)
{
    public async Task<Results<Ok<JobView>, ValidationProblem, ProblemHttpResult>> RegisterAsync(
        string id, JobOwner owner, Registrant registrant, CancellationToken cancellationToken)
    {
        var registration = owner.Register(id, time.GetUtcNow());
        if (RegistrationRules.FindErrors(registration) is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        if (await registrar.RegisterAsync(registration, registrant, cancellationToken) is RegistrationOutcome.Rejected)
        {
            return TypedResults.Problem(
                "Another identity has registered this job, and only that identity may change the registration.",
                statusCode: StatusCodes.Status403Forbidden);
        }

        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return TypedResults.Ok(await JobView.ReadAsync(context, id, jaeger.Value, cancellationToken));
    }

    public async Task<Results<Ok<JobView>, ProblemHttpResult>> ShowAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await JobView.ReadAsync(context, id, jaeger.Value, cancellationToken) is { } job
            ? TypedResults.Ok(job)
            : TypedResults.Problem("This job has no event and no registration.", statusCode: StatusCodes.Status404NotFound);
    }
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
