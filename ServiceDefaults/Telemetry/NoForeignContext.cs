using System.Diagnostics;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// Takes no trace context from requests and adds none to them. Outside callers must not choose the platform's trace ids or its sampling,
/// nor a <c>tracestate</c> or baggage that would be stored with every span and passed on. Receivers of the platform's webhooks must not see
/// its trace ids. Between the services, <see cref="Platform.Contracts.Envelope.TraceHeader"/> alone carries a trace.
/// </summary>
public sealed class NoForeignContext : DistributedContextPropagator
{
    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Fields => [];

    /// <summary>Applies to ASP.NET Core and every HTTP client of this process. Call it before the host is built.</summary>
    public static void Use() => Current = new NoForeignContext();

    /// <inheritdoc/>
    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
    }

    /// <inheritdoc/>
    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        traceId = traceState = null;

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
