using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Platform.ServiceDefaults.Logging;

namespace Ingress.Api.Hosting;

/// <summary>
/// Counts and logs everything that never becomes a webhook: requests that the server or <see cref="UnambiguousRequests"/> rejects before an
/// endpoint sees them, and connections over the limit. Anyone can cause any number of them, so the log has one line for each kind and
/// interval rather than one for each rejection.
/// </summary>
internal sealed partial class RejectedRequests(
    DiagnosticListener diagnostics, IngressMetrics metrics, TimeProvider time, ILogger<RejectedRequests> logger)
    : IHostedService, IObserver<KeyValuePair<string, object?>>, IDisposable
{
    private const string BadRequest = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private IDisposable? _subscription;
    private ITimer? _timer;
    private Rejection? _last;
    private long _requests;
    private IPAddress? _lastOverLimit;
    private long _overLimit;
    private long _connections;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = diagnostics.Subscribe(this, name => name == BadRequest);
        _timer = time.CreateTimer(_ => Log(), null, LogInterval, LogInterval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Log();
        return Task.CompletedTask;
    }

    /// <param name="peer">The other end of the connection, which may be a proxy: nothing in a rejected request can be trusted.</param>
    /// <param name="reason">A sentence that contains nothing from the request.</param>
    public void Count(int statusCode, IPAddress? peer, string reason)
    {
        metrics.RequestRejected(statusCode);
        _last = new Rejection(statusCode, peer, reason);
        Interlocked.Increment(ref _requests);
    }

    /// <summary>Counts a webhook that was refused because its peer was over the limit; it gets no log line of its own.</summary>
    public void CountOverLimit(IPAddress? peer)
    {
        _lastOverLimit = peer;
        Interlocked.Increment(ref _overLimit);
    }

    /// <summary>Counts a connection that was closed to make room for a newer one.</summary>
    public void CountConnection()
    {
        metrics.ConnectionShed();
        Interlocked.Increment(ref _connections);
    }

    public void OnNext(KeyValuePair<string, object?> value)
    {
        // A request that has already been answered does not count as rejected when the rest of its body is malformed.
        if (value.Value is IFeatureCollection request
            && request.Get<IHttpResponseFeature>() is { HasStarted: false }
            && request.Get<IBadRequestExceptionFeature>()?.Error is BadHttpRequestException rejection)
        {
            Count(rejection.StatusCode, request.Get<IHttpConnectionFeature>()?.RemoteIpAddress, Describe(rejection));
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }

    public void Dispose()
    {
        _subscription?.Dispose();
        _timer?.Dispose();
    }

    // The server's message quotes the request between quotation marks, and the request may hold a signature.
    private static string Describe(BadHttpRequestException rejection) => ShownText.OneLine(rejection.Message.Split('\'')[0].TrimEnd(' ', ':'));

    private void Log()
    {
        if (Interlocked.Exchange(ref _requests, 0) is > 0 and var requests && _last is { } last)
        {
            LogRequests(logger, requests, last.Peer, last.StatusCode, last.Reason);
        }

        if (Interlocked.Exchange(ref _overLimit, 0) is > 0 and var overLimit)
        {
            LogOverLimit(logger, overLimit, _lastOverLimit);
        }

        if (Interlocked.Exchange(ref _connections, 0) is > 0 and var connections)
        {
            LogConnections(logger, connections);
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Rejected {Count} requests before an endpoint saw them; the last one came from {Peer} and was answered {StatusCode}: {Reason}")]
    private static partial void LogRequests(ILogger logger, long count, IPAddress? peer, int statusCode, string reason);

    [LoggerMessage(
        LogLevel.Warning, "Refused {Count} webhooks of peers over the limit of requests without a valid signature; the last one came from {Peer}")]
    private static partial void LogOverLimit(ILogger logger, long count, IPAddress? peer);

    [LoggerMessage(LogLevel.Warning, "Closed {Count} connections to make room for newer ones: Ingress__MaxConnections were open")]
    private static partial void LogConnections(ILogger logger, long count);

    private sealed record Rejection(int StatusCode, IPAddress? Peer, string Reason);
}
