using System.Diagnostics;
using Npgsql;
using Platform.Contracts;
using Platform.ServiceDefaults.Logging;
using Processor.Worker.Inbox;

namespace Processor.Worker;

/// <summary>Spans of this service that no library creates. About a webhook they reveal only its type, its job and its outcome.</summary>
internal static class ProcessorTraces
{
    public const string SourceName = "Processor.Worker";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>
    /// One message's share of a group commit, from handing over its unit until the commit. It is part of the message's own trace and stands
    /// in for the database spans, which all messages of a group share.
    /// </summary>
    public static Activity? StartCommit() => Source.StartActivity("commit", ActivityKind.Client)?
        .SetTag("db.system.name", "postgresql")
        .SetTag("db.operation.name", "COMMIT");

    public static void Committed(Activity? activity, UnitOfWork unit, CommitResult result)
    {
        if (activity is null)
        {
            return;
        }

        Describe(activity, unit, result.Outcome.Name());
        LinkTo(activity, result.Group);
        LinkTo(activity, Context(ParentOf(result.FirstTraceId)));
    }

    /// <summary>Records that the message was delivered before, to a process that crashed or returned it.</summary>
    /// <param name="receive">The span in which the message is received.</param>
    public static void Redelivered(Activity? receive, long deliveries)
    {
        if (deliveries > 0)
        {
            receive?.SetTag("messaging.rabbitmq.message.delivery_count", deliveries);
        }
    }

    /// <param name="receive">The span in which the message is received.</param>
    public static void Parked(Activity? receive, UnitOfWork unit)
    {
        if (receive is not null)
        {
            Describe(receive, unit, "parked");
        }
    }

    /// <summary>The single transaction for many messages: a separate trace, linked to and from the traces of the messages.</summary>
    public static Activity? StartGroupCommit(IReadOnlyList<UnitOfWork> group)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var members = group.Where(unit => unit.Trace != default).Select(unit => new ActivityLink(unit.Trace));
        return Source.StartActivity("group commit", ActivityKind.Internal, parentContext: default, links: members)?
            .SetTag("messaging.batch.message_count", group.Count);
    }

    public static void Failed(Activity? activity, Exception exception) => activity?
        .SetTag("error.type", exception is PostgresException postgres ? postgres.SqlState : exception.GetType().FullName)
        .SetStatus(ActivityStatusCode.Error);

    /// <summary>The start of a new trace for releasing a parked message, linked to the trace in which it was parked.</summary>
    /// <param name="first">The trace in which it was parked, as a W3C <c>traceparent</c>; null when there is none.</param>
    public static Activity? StartRelease(string? first)
    {
        var activity = Source.StartActivity("release", ActivityKind.Producer, parentContext: default);
        LinkTo(activity, Context(first));
        return activity;
    }

    /// <summary>A random span in a trace of which only the id is known, as a W3C <c>traceparent</c>; null without a trace.</summary>
    public static string? ParentOf(string? traceId) => traceId is null ? null : $"00-{traceId}-{ActivitySpanId.CreateRandom()}-01";

    /// <summary>Publishing a domain event, until the broker confirms it, in the trace of the webhook that caused it.</summary>
    public static Activity? StartPublish(Envelope message, ActivityContext cause)
    {
        if (Source.StartActivity("publish", ActivityKind.Producer, cause) is not { } activity)
        {
            return null;
        }

        activity.DisplayName = $"publish {message.Exchange}";
        activity.SetTag("messaging.system", "rabbitmq");
        activity.SetTag("messaging.operation.name", "publish");
        activity.SetTag("messaging.operation.type", "send");
        activity.SetTag("messaging.destination.name", message.Exchange);
        activity.SetTag("messaging.message.id", message.MessageId.ToString());
        return activity;
    }

    private static void Describe(Activity activity, UnitOfWork unit, string outcome)
    {
        activity.SetTag("webhook.outcome", outcome);
        if (unit.Event is { } received)
        {
            activity.SetTag("webhook.event_type", ShownText.Name(received.EventType));
            activity.SetTag("webhook.job_id", ShownText.Name(received.JobId));
            activity.SetTag("webhook.late", received.Late);
        }
    }

    private static void LinkTo(Activity? activity, ActivityContext other)
    {
        if (other != default)
        {
            activity?.AddLink(new ActivityLink(other));
        }
    }

    private static ActivityContext Context(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var context) ? context : default;
}
