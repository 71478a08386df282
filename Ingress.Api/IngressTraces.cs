using System.Diagnostics;
using Ingress.Api.Webhooks;
using Platform.Contracts;
using Platform.ServiceDefaults.Logging;

namespace Ingress.Api;

/// <summary>The spans of this service that no library creates.</summary>
internal static class IngressTraces
{
    public const string SourceName = "Ingress.Api";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>The span of a publish: from handing the message over to the broker's answer.</summary>
    public static Activity? StartPublish(Envelope message)
    {
        if (Source.StartActivity("publish", ActivityKind.Producer) is not { } activity)
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

    /// <summary>
    /// The trace context of a message, as a W3C <c>traceparent</c>; null without a trace. Even when the ingress creates no spans, the
    /// worker makes its own sampling decision.
    /// </summary>
    public static string? ParentOfMessage(Activity? publish) => (publish ?? Activity.Current) switch
    {
        null => null,
        var current when Source.HasListeners() => current.Id,
        var current => $"00-{current.TraceId}-{current.SpanId}-01",
    };

    /// <summary>Tags the request's span with facts of the webhook: never a body, a signature or an address.</summary>
    public static void Describe(Activity? request, WebhookRequest received)
    {
        if (request is { IsAllDataRequested: true } && received.Content is { } content)
        {
            request.SetTag("webhook.event_type", ShownText.Name(content.EventType));
            request.SetTag("webhook.job_id", ShownText.Name(content.JobId));
            request.SetTag("webhook.late", received.Verification is Verification.Late);
        }
    }

    public static void Answered(Activity? activity, string? failure)
    {
        if (failure is not null)
        {
            activity?.SetStatus(ActivityStatusCode.Error, failure);
        }
    }
}
