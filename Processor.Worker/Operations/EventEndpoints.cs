using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Audit;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/events</c>: finds events, and shows one with its bodies.</summary>
internal sealed class EventEndpoints(EventReader events, AuditTrail audit, IOptions<JaegerOptions> jaeger)
{
    /// <summary>The filters of the list, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>
    {
        ["type"] = "Such as video.completed.",
        ["job"] = "The id of the job.",
        ["from"] = "Received at this time or later: 2026-11-29T12:00:00Z.",
        ["to"] = "Received before this time.",
        ["late"] = "true or false: signed long before it was received.",
        ["origin"] = $"{Origins.Live}, {Origins.Reconcile} or {Origins.Replay}.",
        ["trace"] = "A trace id.",
    };

    public static EventFilter ReadFilter(ListQuery query) => new()
    {
        Type = query.Text("type"),
        Job = query.Text("job"),
        From = query.Time("from"),
        To = query.Time("to"),
        Late = query.Flag("late"),
        Origin = query.OneOf("origin", Origins.Live, Origins.Reconcile, Origins.Replay),
        Trace = query.Text("trace"),
    };

    public async Task<Results<Ok<Page<EventItem>>, ValidationProblem>> ListAsync(IQueryCollection given, CancellationToken cancellationToken)
    {
        var query = new ListQuery(given);
        var filter = ReadFilter(query);
        var (after, limit) = (query.Cursor(key => Guid.TryParse(key, out _)), query.Limit());
        return query.FindErrors() is { Count: > 0 } errors
            ? TypedResults.ValidationProblem(errors)
            : TypedResults.Ok(await events.ListAsync(filter, after, limit, cancellationToken));
    }

    public async Task<Results<Ok<EventDetails>, ProblemHttpResult>> ShowAsync(
        Guid eventId, bool? raw, Caller caller, CancellationToken cancellationToken)
    {
        if (raw is true && !caller.May(Rights.Raw))
        {
            await audit.RecordAsync(AuditDraft.Rejected(caller.Name, AuditActions.ShowRaw, $"{eventId}"), cancellationToken);
            return MissingRight.Problem(Rights.Raw);
        }

        if (await events.FindAsync(eventId, cancellationToken) is not { } found)
        {
            return TypedResults.Problem("There is no event with this id.", statusCode: StatusCodes.Status404NotFound);
        }

        if (raw is true)
        {
            await audit.RecordAsync(AuditDraft.Done(caller.Name, AuditActions.ShowRaw, $"{eventId}", null, found.Bodies.Count), cancellationToken);
        }

        return TypedResults.Ok(found.ToDetails(raw is true, jaeger.Value));
    }
}

/// <summary>An event in a list.</summary>
/// <param name="ReceivedAt">When the ingress received the first processed delivery.</param>
/// <param name="ProcessedAt">When it was committed.</param>
/// <param name="Late">Signed long before it was received.</param>
/// <param name="Origin"><c>live</c>, <c>reconcile</c> or <c>replay</c>.</param>
/// <param name="Variants">Other bodies of the same event.</param>
internal sealed record EventItem(
    Guid EventId, string Type, string JobId, DateTimeOffset ReceivedAt, DateTimeOffset ProcessedAt, bool Late, string Origin, string? TraceId, int Variants)
{
    /// <param name="first">The column of the id; the others follow in the order of the parameters.</param>
    public static EventItem Read(NpgsqlDataReader row, int first) => new(
        row.GetGuid(first),
        row.GetString(first + 1),
        row.GetString(first + 2),
        row.GetFieldValue<DateTimeOffset>(first + 3),
        row.GetFieldValue<DateTimeOffset>(first + 4),
        row.GetBoolean(first + 5),
        row.GetString(first + 6),
        row.TextOrNull(first + 7),
        row.GetInt32(first + 8));
}

/// <summary>An event with its bodies.</summary>
/// <param name="DeliveryId">The first processed delivery.</param>
/// <param name="Confirm">
/// Null until the ingress has reported it, after retention has dropped the report, and for events that came through no ingress.
/// </param>
/// <param name="SecretName">The secret that matched.</param>
/// <param name="TraceUrl">The page of its trace; null when it was not traced, or when no Jaeger is configured.</param>
internal sealed record EventDetails(
    Guid EventId,
    string Type,
    string JobId,
    DateTimeOffset SentAt,
    DateTimeOffset ReceivedAt,
    DateTimeOffset ProcessedAt,
    bool Late,
    string Origin,
    Guid DeliveryId,
    ConfirmDetails? Confirm,
    string SecretName,
    string? TraceId,
    Uri? TraceUrl,
    IReadOnlyList<BodyDetails> Bodies);

/// <summary>Whether the broker confirmed the delivery in time.</summary>
/// <param name="IsConfirmed">When false, the sender was answered 503, although the message was queued.</param>
/// <param name="Ingress">The machine or pod that reported it.</param>
/// <param name="ReportedAt">The time of the report, up to <c>Accounting__ReportInterval</c> later.</param>
internal sealed record ConfirmDetails(bool IsConfirmed, string Ingress, DateTimeOffset ReportedAt)
{
    public static ConfirmDetails Read(NpgsqlDataReader row) => new(row.GetBoolean(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2));
}

/// <summary>One body of an event.</summary>
/// <param name="Variant">0 for the first, then in the order received.</param>
/// <param name="Sha256">Of its bytes, in hexadecimal digits.</param>
/// <param name="ReceivedAt">Null when retention has dropped the body.</param>
/// <param name="Body">Its JSON, redacted; null when retention has dropped the body, or it is not JSON.</param>
/// <param name="Raw">Its bytes as base64, when <c>raw=true</c> was asked for.</param>
internal sealed record BodyDetails(int Variant, string Sha256, DateTimeOffset? ReceivedAt, JsonNode? Body, byte[]? Raw);
