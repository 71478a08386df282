using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;
using Processor.Worker.Audit;

namespace Processor.Worker.Operations;

/// <summary>The routes of the operations API: what each needs and does.</summary>
internal static class OperationsRoutes
{
    public const string Jobs = "/jobs";

    /// <summary>Routes with the id of a job, beside <see cref="Jobs"/>.</summary>
    public const string OperatedJobs = $"{Operations}{Jobs}";

    private const string WebhookSecrets = "/webhook-secret";
    private const string Operations = "/ops";
    private const int MaxBodyBytes = 16 * 1024;
    private const int MaxRequestBytes = 128 * 1024;
    private const string Streams = "Reconnect with Last-Event-ID, the id of the last event, to resume at any replica without a gap. A stream ends after 15 minutes.";
    private const string Encoding = "The id is percent-encoded: team/1 is team%2F1, and .. is %2E%2E.";

    public static void MapJobs(this WebApplication app)
    {
        var group = app.MapWithKey(Jobs).WithTags("Jobs").ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        group.MapPut(
                "/{id}",
                (JobId id, JobOwner owner, Caller caller, JobEndpoints jobs, CancellationToken token) => jobs.RegisterAsync(id.Value, owner, caller, token))
            .Require(Rights.Operate, AuditActions.Register)
            .WithSummary("Registers the owner of a job")
            .WithDescription(
                "Allowed before, between or after the job's events, with the same result. Registering again updates the registration; "
                + "only the key that registered the job first, or another key with its name, may do so. The owner is notified once of "
                + $"each end of the job. {Encoding}")
            .ProducesProblem(StatusCodes.Status410Gone)
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
        group.MapGet("/{id}", (JobId id, Caller caller, JobEndpoints jobs, CancellationToken token) => jobs.ShowAsync(id.Value, caller, token))
            .Require(Rights.Read)
            .WithSummary("Shows a job with its events and notifications")
            .WithDescription($"Addresses and signed URLs are redacted for a key without the right raw. {Encoding}")
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound);
        group.MapGet(
                "/{id}/stream",
                (JobId id, HttpContext http, Caller caller, StreamEndpoints streams, CancellationToken token) =>
                    streams.StreamJobAsync(id.Value, http, caller, token))
            .Require(Rights.Read)
            .WithSummary("Streams a job as server-sent events: as it is, and again after each of its events")
            .WithDescription($"{Streams} {Encoding}")
            .ProducesStream();
        group.MapPost(
                "/{id}/downloads",
                (JobId id, HttpResponse response, DownloadEndpoint downloads, CancellationToken token) => downloads.RefreshAsync(id.Value, response, token))
            .Require(Rights.Raw, AuditActions.ShowRaw)
            .WithSummary("Returns URLs of a job's files that are valid for at least an hour")
            .WithDescription(
                "When the stored ones are not, Magic Hour's API is asked, at most once a minute for each job, and the request takes up to ten seconds. "
                + $"A failure says in Retry-After when to try again. {Encoding}")
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status410Gone)
            .ProducesProblem(StatusCodes.Status502BadGateway);
        group.MapPost(
                "/{id}/notifications/{channel}/resend",
                (JobId id, string channel, ResendRequest request, Caller caller, NotificationEndpoints notifications, CancellationToken token) =>
                    notifications.ResendAsync(id.Value, channel, request, caller, token))
            .Require(Rights.Operate, AuditActions.Resend)
            .WithSummary("Sends the latest notification of a job on one channel again")
            .WithDescription($"The channel is email or webhook. Only a notification that was delivered or parked is sent again. {Encoding}")
            .ProducesProblem(StatusCodes.Status404NotFound)
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
    }

    public static void MapWebhookSecrets(this WebApplication app) => app.MapWithKey(WebhookSecrets).WithTags("Receivers")
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
        .MapGet("", (string url, Caller caller, HttpResponse response, WebhookSecretEndpoint secrets, CancellationToken token) => secrets.ShowAsync(url, caller, response, token))
        .Require(Rights.Raw, AuditActions.ShowRaw)
        .WithSummary("Shows the keys with which a receiver verifies the platform's webhooks")
        .WithDescription(
            "They are derived from the configured secrets for the origin of the url (scheme, host and port), and cannot verify or forge "
            + "webhooks to another origin. Give them to the receiver, and to no one else. Each request is recorded in the audit trail.")
        .ProducesProblem(StatusCodes.Status404NotFound);

    public static void MapOperationsRoutes(this WebApplication app)
    {
        var group = app.MapWithKey(Operations).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        group.MapGroup("").WithTags("Events").MapEvents();
        group.MapGroup("").WithTags("Parked messages").MapParked();
        group.MapGroup("").WithTags("Replays").MapReplays();
        group.MapGroup("").WithTags("Jobs").MapJobData();
        var oversight = group.MapGroup("").WithTags("Oversight");
        oversight.MapGet("/audit", (HttpRequest request, AuditList list, CancellationToken token) => list.ListAsync(request.Query, token))
            .Require(Rights.Read).WithSummary("Lists what operators did, newest first").WithFilters(AuditList.Filters);
        oversight.MapGet("/accounting", (HttpRequest request, AccountingEndpoint accounting, CancellationToken token) => accounting.ShowAsync(request.Query, token))
            .Require(Rights.Read)
            .WithSummary("Shows what ingresses accepted and what became of it, and names what is missing")
            .WithDescription("A window of at most seven days. The numbers are those of publishes, in the order in which each ingress made them.")
            .WithParameters(AccountingEndpoint.Filters);
        oversight.MapGet("/stats", (string? window, StatsReader stats, CancellationToken token) => stats.ShowAsync(window, token))
            .Require(Rights.Read)
            .WithSummary("Shows rates, latency and backlogs")
            .WithDescription($"The window is 1m to 24h, by default 5m. At most the newest {StatsReader.MaxMeasured:N0} events of it are measured.");
    }

    private static void MapJobData(this RouteGroupBuilder group)
    {
        group.MapGet("/jobs", (HttpRequest request, JobList jobs, CancellationToken token) => jobs.ListAsync(request.Query, token))
            .Require(Rights.Read).WithSummary("Lists jobs, newest first").WithFilters(JobList.Filters);
        group.MapDelete(
                "/jobs/{id}/data",
                (JobId id, string? reason, Caller caller, ErasureEndpoint erasure, CancellationToken token) => erasure.EraseAsync(id.Value, reason, caller, token))
            .Require(Rights.Erase, AuditActions.Erase)
            .WithSummary("Erases the data of a job")
            .WithDescription(
                "Bodies, names, URLs, addresses, errors and notifications go; identities, status and times stay, and later messages of the job have no effect. It may be "
                + $"repeated. A reason is required. {Encoding}")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static void MapEvents(this RouteGroupBuilder group)
    {
        group.MapGet("/events", (HttpRequest request, EventEndpoints events, CancellationToken token) => events.ListAsync(request.Query, token))
            .Require(Rights.Read).WithSummary("Lists events, newest first").WithFilters(EventEndpoints.Filters);
        group.MapGet("/events/stream", (HttpContext http, StreamEndpoints streams, CancellationToken token) => streams.StreamEventsAsync(http, token))
            .Require(Rights.Read)
            .WithSummary("Streams events as server-sent events, each once, in the order in which they were stored")
            .WithDescription($"{Streams} An unknown filter is an error.")
            .WithParameters(StreamEndpoints.Filters)
            .ProducesStream();
        group.MapGet(
                "/events/{eventId:guid}",
                (Guid eventId, bool? raw, Caller caller, EventEndpoints events, CancellationToken token) => events.ShowAsync(eventId, raw, caller, token))
            .Require(Rights.Read)
            .WithSummary("Shows an event with its bodies")
            .WithDescription("Bodies are redacted. raw=true adds their bytes; it needs the right raw, and is recorded in the audit trail.")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static void MapParked(this RouteGroupBuilder group)
    {
        group.MapGet("/parked", (string? place, ParkedEndpoints parked, CancellationToken token) => parked.ListAsync(place, token))
            .Require(Rights.Read)
            .WithSummary("Shows the parked messages of one place, grouped by cause")
            .WithDescription($"The place is one of {string.Join(", ", ParkedRequest.Places)}.");
        group.MapPost(
                "/parked/release",
                (ParkedRequest request, Caller caller, ParkedEndpoints parked, CancellationToken token) => parked.ReleaseAsync(request, caller, token))
            .Require(Rights.Operate, AuditActions.Release)
            .WithSummary("Puts parked messages back through the front of the pipeline")
            .WithDescription("A message that is released twice takes effect once.")
            .WithMetadata(new RequestSizeLimitAttribute(MaxRequestBytes));
        group.MapPost(
                "/parked/discard",
                (ParkedRequest request, Caller caller, ParkedEndpoints parked, CancellationToken token) => parked.DiscardAsync(request, caller, token))
            .Require(Rights.Operate, AuditActions.Discard)
            .WithSummary("Removes parked messages that will never be released")
            .WithDescription("Their content stays in quarantined_events, marked as discarded. A discarded notification is superseded.")
            .WithMetadata(new RequestSizeLimitAttribute(MaxRequestBytes));
    }

    private static void MapReplays(this RouteGroupBuilder group)
    {
        group.MapPost(
                "/replays",
                (ReplayRequest request, Caller caller, ReplayEndpoints replays, CancellationToken token) => replays.StartAsync(request, caller, token))
            .Require(Rights.Operate, AuditActions.Replay)
            .WithSummary("Publishes the domain events, or sends the notifications, of chosen events again")
            .WithDescription("By default with the same message ids, so that subscribers drop what they have. A preview only counts.")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
        group.MapGet("/replays", (HttpRequest request, ReplayEndpoints replays, CancellationToken token) => replays.ListAsync(request.Query, token))
            .Require(Rights.Read).WithSummary("Lists replays, newest first").WithFilters(new Dictionary<string, string>());
        group.MapGet("/replays/{id:guid}", (Guid id, ReplayEndpoints replays, CancellationToken token) => replays.ShowAsync(id, token))
            .Require(Rights.Read).WithSummary("Shows a replay and its progress").ProducesProblem(StatusCodes.Status404NotFound);
        group.MapPost(
                "/replays/{id:guid}/stop",
                (Guid id, Caller caller, ReplayEndpoints replays, CancellationToken token) => replays.StopAsync(id, caller, token))
            .Require(Rights.Operate, AuditActions.StopReplay)
            .WithSummary("Stops a replay after the chunk in progress")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    public static RouteGroupBuilder MapWithKey(this WebApplication app, string prefix)
    {
        app.RequireKey(prefix);
        return app.MapGroup(prefix).ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status429TooManyRequests);
    }

    public static void RequireKey(this WebApplication app, string prefix) => app.UseWhen(
        http => http.Request.Path.StartsWithSegments(prefix),
        guarded => guarded.Use((HttpContext http, RequestDelegate next) => http.RequestServices.GetRequiredService<KeyGuard>().CheckAsync(http, next)));

    /// <summary>Describes the filters of a list, and its paging.</summary>
    private static void WithFilters(this RouteHandlerBuilder list, IReadOnlyDictionary<string, string> filters) => list
        .WithDescription($"limit is 1 to {ListQuery.MaxLimit}, by default {ListQuery.DefaultLimit}; cursor is next of the page before. An unknown filter is an error.")
        .WithParameters(filters.Append(new("cursor", "next of the page before.")).Append(new("limit", "Rows of the page.")));

    private static RouteHandlerBuilder ProducesStream(this RouteHandlerBuilder stream) => stream
        .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status410Gone);

    private static RouteHandlerBuilder WithParameters(this RouteHandlerBuilder route, IEnumerable<KeyValuePair<string, string>> parameters) => route
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            operation.Parameters ??= [];
            foreach (var (name, description) in parameters)
            {
                operation.Parameters.Add(new OpenApiParameter
                {
                    Name = name,
                    In = ParameterLocation.Query,
                    Description = description,
                    Schema = new OpenApiSchema { Type = name == "limit" ? JsonSchemaType.Integer : JsonSchemaType.String },
                });
            }

            return Task.CompletedTask;
        });
}
