using System.Diagnostics;

namespace Platform.Benchmarks.Load;

/// <summary>
/// Sends rendered requests over a number of connections. In the closed loop each connection sends its next request when it is answered. In
/// the open model requests arrive at a fixed rate, and time spent waiting for a connection counts as latency.
/// </summary>
internal sealed class HttpLoad : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    private readonly RequestSet _requests;
    private readonly LoadConnection[] _connections;
    private readonly SocketPoll _poll;
    private readonly Stack<LoadConnection> _idle;
    private int _next;

    public HttpLoad(int port, RequestSet requests, int connections)
    {
        _requests = requests;
        _connections = [.. Enumerable.Range(0, connections).Select(_ => new LoadConnection(port))];
        _poll = new SocketPoll([.. _connections.Select(connection => connection.Descriptor)]);
        _idle = new Stack<LoadConnection>(_connections);
    }

    /// <summary>Closed loop: latency counts from the sending of a request.</summary>
    public Task<LoadResult> RunClosedAsync(TimeSpan duration, CancellationToken cancellationToken) =>
        RunAsync(interval: 0, duration, cancellationToken);

    /// <summary>Open model: latency counts from when a request was due.</summary>
    public Task<LoadResult> RunOpenAsync(double perSecond, TimeSpan duration, CancellationToken cancellationToken) =>
        RunAsync(Stopwatch.Frequency / perSecond, duration, cancellationToken);

    public void Dispose() => Array.ForEach(_connections, connection => connection.Dispose());

    // A dedicated thread, because it blocks in the kernel.
    private Task<LoadResult> RunAsync(double interval, TimeSpan duration, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(
            () => Run(interval, duration, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <param name="interval">Time between two arrivals; 0 in a closed loop.</param>
    private LoadResult Run(double interval, TimeSpan duration, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var end = started + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var giveUp = end + (long)(Patience.TotalSeconds * Stopwatch.Frequency);
        var result = new LoadResult();
        var sent = 0;
        try
        {
            while (true)
            {
                var due = SendWhatIsDue(started, interval, end, ref sent);
                if (due >= end && _idle.Count == _connections.Length)
                {
                    break;
                }

                _poll.Wait(_idle.Count > 0 && due < end ? Until(due) : Look);
                Receive(result);
                cancellationToken.ThrowIfCancellationRequested();
                result.ThrowIfLate(giveUp);
            }
        }
        catch (LoadBrokenException)
        {
            result.WasBroken = true;
        }

        return result.Finish(Stopwatch.GetElapsedTime(started));
    }

    private static TimeSpan Until(long due) => Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);

    /// <returns>When the next request is due; none is due after the end.</returns>
    private long SendWhatIsDue(long started, double interval, long end, ref int sent)
    {
        while (true)
        {
            var now = Stopwatch.GetTimestamp();
            var due = interval == 0 ? now : started + (long)(sent * interval);
            if (due >= end || due > now || !_idle.TryPop(out var connection))
            {
                return due;
            }

            connection.Send(_next, _requests[_next], due);
            _next = (_next + 1) % _requests.Count;
            sent++;
        }
    }

    private void Receive(LoadResult result)
    {
        for (var i = 0; i < _connections.Length; i++)
        {
            if (_poll.IsReady(i) && _connections[i] is { Request: var request } connection && connection.Receive() is { } status)
            {
                result.Add(request!.Value, status, Stopwatch.GetElapsedTime(connection.CountsFrom));
                _idle.Push(connection);
            }
        }
    }
}
