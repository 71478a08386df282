using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Audit;
using Processor.Worker.Persistence;
using Processor.Worker.Replays;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/replays</c>: starts, shows and stops replays. A worker that consumes runs them.</summary>
internal sealed class ReplayEndpoints(OperationsDatabase reads, NpgsqlDataSource database, TimeProvider time)
{
    public async Task<Results<Ok<ReplayPreview>, Created<ReplayView>, ValidationProblem>> StartAsync(
        ReplayRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (request.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var replay = request.ToReplay(caller.Name, time.GetUtcNow(), null);
        var total = await CountAsync(replay, cancellationToken);
        if (request.Preview)
        {
            return TypedResults.Ok(new ReplayPreview(true, total));
        }

        replay = request.ToReplay(caller.Name, replay.CreatedAt, total);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                replay.Insert(),
                AuditDraft.Done(caller.Name, AuditActions.Replay, $"{replay.Id} {replay.FilterText}", replay.Reason, total ?? 0).Insert(replay.CreatedAt),
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        // A client that gives up now would not know whether it was done.
        await transaction.CommitAsync(CancellationToken.None);
        return TypedResults.Created($"/ops/replays/{replay.Id}", ReplayView.From(replay));
    }

    public async Task<Results<Ok<Page<ReplayView>>, ValidationProblem>> ListAsync(IQueryCollection given, CancellationToken cancellationToken)
    {
        var query = new ListQuery(given);
        var (after, limit) = (query.Cursor(key => Guid.TryParse(key, out _)), query.Limit());
        if (query.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var conditions = new Conditions();
        if (after is not null)
        {
            conditions.Add($"(created_at, id) < ({conditions.Parameter(after.At)}, {conditions.Parameter(Guid.Parse(after.Key))})");
        }

        // People start replays: the table is small, and needs no index for this.
        var rows = await reads.ReadAsync(
            connection => conditions.CreateCommand(
                connection, $"select {Replay.Columns} from replays {conditions.Where} order by created_at desc, id desc limit {limit + 1}"),
            row => ReplayView.From(Replay.Read(row)),
            cancellationToken);
        return TypedResults.Ok(Page<ReplayView>.From(rows, limit, row => new Cursor(row.CreatedAt, $"{row.Id}")));
    }

    public async Task<Results<Ok<ReplayView>, ProblemHttpResult>> ShowAsync(Guid id, CancellationToken cancellationToken)
    {
        var conditions = new Conditions();
        conditions.Add<Guid>("id = {0}", id);
        var rows = await reads.ReadAsync(
            connection => conditions.CreateCommand(connection, $"select {Replay.Columns} from replays {conditions.Where}"), Replay.Read, cancellationToken);
        return rows is [var replay]
            ? TypedResults.Ok(ReplayView.From(replay))
            : TypedResults.Problem("There is no replay with this id.", statusCode: StatusCodes.Status404NotFound);
    }

    public async Task<Results<Ok<ReplayView>, ProblemHttpResult>> StopAsync(Guid id, Caller caller, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();
        await using var stop = new NpgsqlCommand(
            "update replays set status = 'stopped', finished_at = $2 where id = $1 and status = 'running' returning examined", connection);
        stop.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        stop.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime });
        // A chunk in progress holds the row: this waits for its end, and the next one finds the replay stopped.
        if (await stop.ExecuteScalarAsync(cancellationToken) is long examined)
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands = { AuditDraft.Done(caller.Name, AuditActions.StopReplay, $"{id}", null, examined).Insert(now) },
            };
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        // A client that gives up now would not know whether it was done.
        await transaction.CommitAsync(CancellationToken.None);
        return await ShowAsync(id, cancellationToken);
    }

    /// <summary>Counts the chosen events; null when that takes longer than a statement may.</summary>
    private async Task<long?> CountAsync(Replay replay, CancellationToken cancellationToken)
    {
        var conditions = new Conditions();
        replay.Filter.AddTo(conditions);
        try
        {
            var rows = await reads.ReadAsync(
                connection => conditions.CreateCommand(connection, $"select count(*) from webhook_events {conditions.Where}"),
                row => row.GetInt64(0),
                cancellationToken);
            return rows[0];
        }
        catch (NpgsqlException exception)
            when (exception is { SqlState: PostgresErrorCodes.QueryCanceled } or { InnerException: TimeoutException } && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
