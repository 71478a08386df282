using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;
using Processor.Worker.Retention;

namespace Processor.Worker.Registration;

/// <summary>
/// Stores a registration in one transaction, under the job's lock. If an event that ends the job commits at the same moment, exactly one
/// of the two transactions sees the other, and that one notifies the owner.
/// </summary>
internal sealed partial class JobRegistrar(
    NpgsqlDataSource database, IOptions<RetentionOptions> retention, ProcessorMetrics metrics, TimeProvider time, ILogger<JobRegistrar> logger)
{
    /// <param name="registration">Already validated by <see cref="RegistrationRules"/>.</param>
    /// <exception cref="NpgsqlException">Nothing was stored; if the connection broke during the commit, the result is unknown.</exception>
    /// <param name="registrant">The verified identity of the sender.</param>
    public async Task<RegistrationOutcome> RegisterAsync(RegisterJob registration, Registrant registrant, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await RegisterAsync(connection, registration, registrant, cancellationToken);
    }

    /// <inheritdoc cref="RegisterAsync(RegisterJob, Registrant, CancellationToken)"/>
    public async Task<RegistrationOutcome> RegisterAsync(
        NpgsqlConnection connection, RegisterJob registration, Registrant registrant, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var save = JobRegistration.Save(registration, registrant, now);
        var erased = ErasedJob.SelectAmong([registration.JobId]);
        var show = JobRegistration.ShowInJob(registration, registrant, now);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                JobLock.Acquire([registration.JobId]),
                erased,
                save,
                show,
                Notification.DecideFor(registration.JobId, now, retention.Value.NotifiedSince(now)),
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        // A commit is never cancelled: its result would be unknown.
        await transaction.CommitAsync(CancellationToken.None);
        if (erased.Rows > 0)
        {
            LogErased(logger, registration.JobId);
            return RegistrationOutcome.Erased;
        }

        if (show.RecordsAffected == 0)
        {
            metrics.RegistrationRejected();
            LogRejected(logger, registration.JobId, registrant.Identity);
            return RegistrationOutcome.Rejected;
        }

        return save.RecordsAffected > 0 ? RegistrationOutcome.Saved : RegistrationOutcome.Outdated;
    }

    [LoggerMessage(LogLevel.Information, "Ignored a registration of job {JobId}: its data was erased")]
    private static partial void LogErased(ILogger logger, string jobId);

    [LoggerMessage(LogLevel.Warning, "Rejected a registration of job {JobId} by {Registrant}: it may not change what another identity has registered")]
    private static partial void LogRejected(ILogger logger, string jobId, string registrant);
}

/// <summary>The result of a registration.</summary>
internal enum RegistrationOutcome
{
    /// <summary>Stored as the job's current registration.</summary>
    Saved,

    /// <summary>The same registrant has stored a newer one.</summary>
    Outdated,

    /// <summary>Another identity has registered the job; nothing was changed.</summary>
    Rejected,

    /// <summary>The data of the job was erased; nothing was stored.</summary>
    Erased,
}
