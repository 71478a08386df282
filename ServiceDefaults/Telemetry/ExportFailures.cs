using System.Diagnostics.Tracing;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// Finds out why an export failed. An exporter only returns that it failed and reports the cause as an event on the same thread. Events of
/// the metrics exporter, which is the library's own, come from a thread that has not called <see cref="Begin"/>.
/// </summary>
/// <param name="failed">Called with the cause when an export of metrics has failed.</param>
internal sealed class ExportFailures(Action<string> failed) : EventListener
{
    private const string SourceName = "OpenTelemetry-Exporter-OpenTelemetryProtocol";

    [ThreadStatic]
    private static bool _isCounted;

    [ThreadStatic]
    private static string? _cause;

    /// <summary>Marks the start of an export on this thread.</summary>
    public static void Begin() => (_isCounted, _cause) = (true, null);

    /// <summary>Marks the end of an export on this thread.</summary>
    /// <returns>The cause when the export failed; otherwise null.</returns>
    public static string End()
    {
        _isCounted = false;
        return _cause ?? "unknown";
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == SourceName)
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (Describe(eventData) is not { } cause)
        {
            return;
        }

        if (_isCounted)
        {
            _cause = cause;
        }
        else
        {
            failed(cause);
        }
    }

    private static string? Describe(EventWrittenEventArgs failure) => failure.EventName switch
    {
        "FailedToReachCollector" or "TransientHttpError" or "OperationUnexpectedlyCanceled" => $"collector unreachable: {Detail(failure)}",
        "RequestTimedOut" => "collector unreachable: no answer in time",
        "HttpRequestFailed" => $"request failed: {Detail(failure)}",
        "ExportFailure" => $"refused: {Detail(failure)}",
        "RequestDiscardedDueToSizeLimit" => "request too large",
        "ResponseDeserializationFailed" or "ResponseDiscardedDueToSizeLimit" => "answer not understood",
        "BatchDroppedDueToSerializationFailure" or "ExportMethodException" or "TrySubmitRequestException" => $"{failure.EventName}: {Detail(failure)}",
        _ => null,
    };

    // The last argument is the status, or the exception with its stack trace: use the first line without the exception's type.
    private static string Detail(EventWrittenEventArgs failure)
    {
        var line = $"{failure.Payload?[^1]}".Split('\n', 2)[0].TrimEnd();
        return line.Split("Exception: ", 2)[^1];
    }
}
