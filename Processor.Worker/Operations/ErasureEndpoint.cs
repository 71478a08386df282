using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Audit;
using Processor.Worker.Jobs;

namespace Processor.Worker.Operations;

/// <summary><c>DELETE /ops/jobs/{id}/data</c>: erases the data of a job.</summary>
internal sealed class ErasureEndpoint(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>The answer for a job that was erased, where its data would be needed.</summary>
    public static ProblemHttpResult Gone { get; } = TypedResults.Problem("The data of this job was erased.", statusCode: StatusCodes.Status410Gone);

    public async Task<Results<Ok<ErasureView>, ValidationProblem, ProblemHttpResult>> EraseAsync(
        string jobId, string? reason, Caller caller, CancellationToken cancellationToken)
    {
        if (RequestRules.FindReasonError(reason) is { } error)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["reason"] = [error] });
        }

        var now = time.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await EraseAsync(connection, jobId, now, cancellationToken) is not { } erased)
        {
            return TypedResults.Problem("This job has no event and no registration.", statusCode: StatusCodes.Status404NotFound);
        }

        await using var record = new NpgsqlBatch(connection)
        {
            BatchCommands = { AuditDraft.Done(caller.Name, AuditActions.Erase, jobId, reason, erased.Removed).Insert(now) },
        };
        await record.ExecuteNonQueryAsync(cancellationToken);
        // Never cancelled: its outcome would be unknown.
        await transaction.CommitAsync(CancellationToken.None);
        return TypedResults.Ok(erased);
    }

    /// <returns>Null when the job is unknown.</returns>
    private static async Task<ErasureView?> EraseAsync(NpgsqlConnection connection, string jobId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // No text in the database contains it.
        if (jobId.Contains('\0'))
        {
            return null;
        }

        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { ErasedJob.Erase(jobId, now) } };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? new ErasureView(jobId, row.GetFieldValue<DateTimeOffset>(0), row.GetInt64(1)) : null;
    }
}

/// <summary>A job whose data was erased.</summary>
/// <param name="ErasedAt">When it was erased first.</param>
/// <param name="Removed">Rows deleted or blanked by this request; 0 when nothing was left.</param>
internal sealed record ErasureView(string JobId, DateTimeOffset ErasedAt, long Removed);
