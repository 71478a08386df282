using System.Diagnostics;
using Processor.Worker.Inbox;
using Processor.Worker.Outbox;

namespace Processor.Worker;

/// <summary>The spans of this service that no library makes.</summary>
internal static class ProcessorTraces
{
    public const string SourceName = "Processor.Worker";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>One message's share of a group commit: from handing its unit over until it is committed. In the message's own trace.</summary>
    public static Activity? StartCommit() => Source.StartActivity("commit");

    public static void Committed(Activity? activity, UnitOfWork unit, CommitOutcome outcome)
    {
        if (activity is null)
        {
            return;
        }

        activity.SetTag("webhook.outcome", outcome.Name());
        activity.SetTag("webhook.event_type", unit.Event?.EventType);
        activity.SetTag("webhook.job_id", unit.Event?.JobId);
        activity.SetTag("webhook.late", unit.Event?.Late);
    }

    /// <summary>The one transaction for many messages: a trace of its own, linked to theirs.</summary>
    public static Activity? StartGroupCommit(IReadOnlyList<UnitOfWork> group)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var members = group.Where(unit => unit.Trace != default).Select(unit => new ActivityLink(unit.Trace));
        var activity = Source.StartActivity("group commit", ActivityKind.Internal, parentContext: default, links: members);
        return activity?.SetTag("messaging.batch.message_count", group.Count);
    }

    /// <summary>Publishing a quarantined event, in the trace of the delivery that brought it.</summary>
    public static Activity? StartRelease(string? traceId) => Source.StartActivity(
        "release", ActivityKind.Internal, ActivityContext.TryParse(ParentOf(traceId), null, out var parent) ? parent : default);

    /// <summary>A span of a trace of which only the id is known, in the form of the W3C's <c>traceparent</c>; null without a trace.</summary>
    public static string? ParentOf(string? traceId) => traceId is null ? null : $"00-{traceId}-{ActivitySpanId.CreateRandom()}-01";

    /// <summary>Publishing a row of the outbox, in the trace of the event that caused it.</summary>
    public static Activity? StartOutboxPublish(OutboxMessage message) =>
        Source.StartActivity("outbox publish", ActivityKind.Internal, message.ParentContext);
}
