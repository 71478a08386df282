using System.Net.ServerSentEvents;
using Processor.Worker.Events;
using StreamResult = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.ServerSentEventsResult<object>,
    Microsoft.AspNetCore.Http.HttpResults.ValidationProblem,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult>;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/events/stream</c> and <c>/jobs/{id}/stream</c>: what happens, as server-sent events.</summary>
internal sealed class StreamEndpoints(EventStreams streams, EventFeed feed, JobReader jobs)
{
    private const string LastEventId = "Last-Event-ID";
    private const string After = "after";

    /// <summary>The filters of the stream of events, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>(EventEndpoints.Filters)
    {
        ["since"] = "Committed at this time or later. Without it, and without Last-Event-ID, the stream begins now.",
        [After] = "Begins behind this id, as with Last-Event-ID, for clients that cannot send the header.",
    };

    /// <summary>Each event once, in the order of the transactions that stored them.</summary>
    public async Task<StreamResult> StreamEventsAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var query = new ListQuery(http.Request.Query);
        var (filter, since, after) = (EventEndpoints.ReadFilter(query), query.Time("since"), query.Text(After));
        return query.FindErrors() is { Count: > 0 } errors
            ? TypedResults.ValidationProblem(errors)
            : await StartAsync(http, after, since, (position, token) => ReadEventsAsync(filter, since, position, token), cancellationToken);
    }

    /// <summary>The job as it is, unless the client has seen it, and again after each of its events.</summary>
    public Task<StreamResult> StreamJobAsync(string id, HttpContext http, Caller caller, CancellationToken cancellationToken)
    {
        var isDue = !http.Request.Headers.ContainsKey(LastEventId);
        return StartAsync(http, after: null, since: null, ReadAsync, cancellationToken);

        async Task<StreamPage> ReadAsync(FeedPosition position, CancellationToken token)
        {
            var page = await feed.ReadAsync(new EventFilter { Job = id }, since: null, position, token);
            isDue |= page.Rows.Count > 0;
            var job = isDue ? await jobs.FindAsync(id, token) : null;
            isDue = false;
            return new StreamPage(job is null ? [] : [CreateItem("job", job.For(caller), page.Position)], page.Position, page.IsFull);
        }
    }

    private async Task<StreamResult> StartAsync(
        HttpContext http, string? after, DateTimeOffset? since, Func<FeedPosition, CancellationToken, Task<StreamPage>> read, CancellationToken cancellationToken)
    {
        var end = await feed.FindEndAsync(cancellationToken);
        var position = end;
        // The header first: a browser that reconnects sends it beside the address of its first request.
        var given = http.Request.Headers[LastEventId] is [{ } last] ? last : after;
        if (given is not null)
        {
            if (!FeedPosition.TryParse(given, out position))
            {
                return TypedResults.ValidationProblem(new Dictionary<string, string[]> { [LastEventId] = ["must be the id of an earlier event of the stream."] });
            }

            if (position.Transaction > end.Transaction)
            {
                return TypedResults.Problem(
                    $"{LastEventId} is from another database, such as the one before a restore. Connect without it.", statusCode: StatusCodes.Status410Gone);
            }
        }
        else if (since is { } time)
        {
            position = await feed.FindAsync(time, cancellationToken);
        }

        if (streams.TryOpen(http))
        {
            return TypedResults.ServerSentEvents(streams.ReadAsync(position, read, cancellationToken));
        }

        http.Response.Headers.RetryAfter = "5";
        return TypedResults.Problem("This process has as many streams as Operations__MaxStreams allows.", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private async Task<StreamPage> ReadEventsAsync(EventFilter filter, DateTimeOffset? since, FeedPosition position, CancellationToken cancellationToken)
    {
        var page = await feed.ReadAsync(filter, since, position, cancellationToken);
        return new StreamPage([.. page.Rows.Select(row => CreateItem("event", row.Item!, row.Position))], page.Position, page.IsFull);
    }

    private static SseItem<object> CreateItem(string type, object data, FeedPosition position) => new(data, type) { EventId = $"{position}" };
}
