using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;

namespace Processor.Worker.Operations;

/// <summary><c>/jobs/{id}</c>: whose job it is, and all that is known of it.</summary>
internal sealed class JobEndpoints(
    JobRegistrar registrar, IDbContextFactory<ProcessorDbContext> contexts, IOptions<JaegerOptions> jaeger, TimeProvider time)
{
    public async Task<Results<Ok<JobView>, ValidationProblem>> RegisterAsync(string id, JobOwner owner, CancellationToken cancellationToken)
    {
        var registration = owner.Register(id, time.GetUtcNow());
        if (RegistrationRules.FindErrors(registration) is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        await registrar.RegisterAsync(registration, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return TypedResults.Ok(await JobView.ReadAsync(context, id, jaeger.Value, cancellationToken));
    }

    public async Task<Results<Ok<JobView>, ProblemHttpResult>> ShowAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await JobView.ReadAsync(context, id, jaeger.Value, cancellationToken) is { } job
            ? TypedResults.Ok(job)
            : TypedResults.Problem("Neither an event nor a registration of this job is known.", statusCode: StatusCodes.Status404NotFound);
    }
}

/// <summary>Whose job it is, and how they are told of its end; the same as the message <see cref="RegisterJob"/>.</summary>
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
