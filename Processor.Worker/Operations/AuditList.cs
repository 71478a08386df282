using Microsoft.AspNetCore.Http.HttpResults;
using Processor.Worker.Audit;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/audit</c>: what operators did.</summary>
internal sealed class AuditList(OperationsDatabase database)
{
    /// <summary>The filters of the list, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>
    {
        ["who"] = "The identity of a key, such as api-key:ada, or of a person, such as oidc:ada@example.com.",
        ["action"] = $"{string.Join(", ", AuditActions.All)}.",
        ["outcome"] = $"{string.Join(", ", AuditOutcomes.Names)}.",
        ["from"] = "At this time or later: 2026-11-29T12:00:00Z.",
        ["to"] = "Before this time.",
    };

    public async Task<Results<Ok<Page<AuditItem>>, ValidationProblem>> ListAsync(IQueryCollection given, CancellationToken cancellationToken)
    {
        var query = new ListQuery(given);
        var conditions = new Conditions();
        conditions.Add("who = {0}", query.Text("who"));
        conditions.Add("action = {0}", query.OneOf("action", AuditActions.All));
        conditions.Add("outcome = {0}", query.OneOf("outcome", AuditOutcomes.Names));
        conditions.Add("at >= {0}", query.Time("from"));
        conditions.Add("at < {0}", query.Time("to"));
        var (after, limit) = (query.Cursor(key => long.TryParse(key, out _)), query.Limit());
        if (query.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        if (after is not null)
        {
            conditions.Add($"(at, id) < ({conditions.Parameter(after.At)}, {conditions.Parameter(long.Parse(after.Key, null))})");
        }

        var rows = await database.ReadAsync(
            connection => conditions.CreateCommand(
                connection,
                $"select id, at, who, action, target, reason, outcome, count from audit_log {conditions.Where} order by at desc, id desc limit {limit + 1}"),
            row => AuditItem.From(AuditEntry.Read(row)),
            cancellationToken);
        return TypedResults.Ok(Page<AuditItem>.From(rows, limit, row => new Cursor(row.At, $"{row.Id}")));
    }
}

/// <summary>One act, or a rejected attempt.</summary>
/// <param name="Outcome"><c>started</c> (and not ended), <c>done</c>, <c>failed</c> or <c>rejected</c>.</param>
/// <param name="Count">How many messages, events or bodies it concerned.</param>
internal sealed record AuditItem(
    long Id, DateTimeOffset At, string Who, string Action, string Target, string? Reason, string Outcome, long? Count)
{
    public static AuditItem From(AuditEntry row) => new(row.Id, row.At, row.Who, row.Action, row.Target, row.Reason, row.Outcome.Name(), row.Count);
}
