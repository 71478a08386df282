using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Audit;
using Processor.Worker.Notifications;

namespace Processor.Worker.Operations;

/// <summary><c>/jobs/{id}/notifications/{channel}/resend</c>: sends one notification again.</summary>
internal sealed class NotificationEndpoints(NpgsqlDataSource database, TimeProvider time)
{
    public async Task<Results<Accepted, ValidationProblem, ProblemHttpResult>> ResendAsync(
        string jobId, string channel, ResendRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (request.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();
        await using var reset = new NpgsqlBatch(connection) { BatchCommands = { NotificationReset.Latest(jobId, channel, now) } };
        if (await reset.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            return TypedResults.Problem(
                "This job has no notification on this channel that was delivered or parked.", statusCode: StatusCodes.Status404NotFound);
        }

        await using var record = new NpgsqlBatch(connection)
        {
            BatchCommands = { AuditDraft.Done(caller.Name, AuditActions.Resend, $"{channel} {jobId}", request.Reason, 1).Insert(now) },
        };
        await record.ExecuteNonQueryAsync(cancellationToken);
        // A client that gives up now would not know whether it was done.
        await transaction.CommitAsync(CancellationToken.None);
        return TypedResults.Accepted((string?)null);
    }
}

/// <summary>Why a notification is sent again.</summary>
/// <param name="Reason">1 to 1000 characters, kept in the audit trail.</param>
internal sealed record ResendRequest(string? Reason)
{
    /// <summary>Members of the JSON that do not belong to the request.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; init; }

    public Dictionary<string, string[]> FindErrors()
    {
        var errors = RequestRules.FindUnknown(Unknown);
        if (RequestRules.FindReasonError(Reason) is { } error)
        {
            errors["reason"] = [error];
        }

        return errors;
    }
}
