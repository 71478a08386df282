using Npgsql;
using Platform.Contracts;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Registration;

/// <summary>
/// Writes a registration in one transaction, under the job's lock: an event of the same job that is committed at this moment either sees
/// the registration, or is seen by it, and so the owner is told by exactly one of the two.
/// </summary>
internal sealed class JobRegistrar(NpgsqlDataSource database, TimeProvider time)
{
    /// <param name="registration">Keeps the rules (<see cref="RegistrationRules"/>).</param>
    /// <returns>False when a newer registration is known.</returns>
    /// <exception cref="NpgsqlException">Nothing is stored, or, when the connection was lost while committing, it is unknown.</exception>
    public async Task<bool> RegisterAsync(RegisterJob registration, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var save = JobRegistration.Save(registration, now);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                JobLock.Acquire([registration.JobId]),
                save,
                JobRegistration.ShowInJob(registration, now),
                Notification.DecideFor(registration.JobId, now),
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        // Never cancelled: see the commit of a group.
        await transaction.CommitAsync(CancellationToken.None);
        return save.RecordsAffected > 0;
    }
}
