using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/jobs</c>: finds jobs.</summary>
internal sealed class JobList(OperationsDatabase database)
{
    /// <summary>The filters of the list, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>
    {
        ["status"] = "queued, rendering, canceled, failed or completed.",
        ["resource"] = "video, image or audio.",
        ["user"] = "The id of the owner.",
        ["overdue"] = "true or false: without an end although a check at Magic Hour was due.",
        ["from"] = "Created at this time or later: 2026-11-29T12:00:00Z.",
        ["to"] = "Created before this time.",
    };

    // A job has a check until it has ended; its first attempt is made when the job should have ended.
    private const string Overdue =
        """
        status in ('queued', 'rendering')
        and exists (select from job_checks where job_id = magic_hour_id and (attempts > 0 or state <> 'waiting'))
        """;

    public async Task<Results<Ok<Page<JobItem>>, ValidationProblem>> ListAsync(IQueryCollection given, CancellationToken cancellationToken)
    {
        var query = new ListQuery(given);
        var conditions = Read(query);
        var (after, limit) = (query.Cursor(), query.Limit());
        if (query.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var rows = await database.ReadAsync(
            connection => SelectPage(connection, conditions, after, limit),
            row => new JobItem(
                row.GetString(0),
                row.GetString(1),
                row.GetString(2),
                row.TextOrNull(3),
                row.TextOrNull(4),
                row.GetFieldValue<DateTimeOffset>(5),
                row.GetFieldValue<DateTimeOffset>(6),
                row.GetBoolean(7)),
            cancellationToken);
        return TypedResults.Ok(Page<JobItem>.From(rows, limit, row => new Cursor(row.CreatedAt, row.JobId)));
    }

    internal static NpgsqlCommand SelectPage(NpgsqlConnection connection, Conditions conditions, Cursor? after, int limit)
    {
        if (after is not null)
        {
            conditions.Add($"(created_at, magic_hour_id) < ({conditions.Parameter(after.At)}, {conditions.Parameter(after.Key)})");
        }

        return conditions.CreateCommand(
            connection,
            $"""
            select magic_hour_id, resource, status, user_id, project_type, created_at, updated_at, {Overdue}
            from jobs {conditions.Where}
            order by created_at desc, magic_hour_id desc limit {limit + 1}
            """);
    }

    internal static Conditions Read(ListQuery query)
    {
        var conditions = new Conditions();
        // Written out, so that the planner recognises the conditions of the partial indexes.
        if (query.OneOf("status", "queued", "rendering", "canceled", "failed", "completed") is { } status)
        {
            conditions.Add($"status = '{status}'");
        }

        conditions.Add("resource = {0}", query.OneOf("resource", "video", "image", "audio"));
        conditions.Add("user_id = {0}", query.Text("user"));
        conditions.Add("created_at >= {0}", query.Time("from"));
        conditions.Add("created_at < {0}", query.Time("to"));
        if (query.Flag("overdue") is { } overdue)
        {
            conditions.Add(overdue ? Overdue : $"not ({Overdue})");
        }

        return conditions;
    }
}

/// <summary>A job in a list.</summary>
/// <param name="Overdue">It has no end, although a check at Magic Hour was due.</param>
internal sealed record JobItem(
    string JobId,
    string Resource,
    string Status,
    string? UserId,
    string? ProjectType,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    bool Overdue);
