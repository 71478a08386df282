using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Operations;

/// <summary>
/// Runs streams of server-sent events: at most <see cref="OperationsOptions.MaxStreams"/> in a process. A stream has no state here: a client that
/// reconnects with its last position resumes at any replica.
/// </summary>
internal sealed partial class EventStreams(
    IOptions<OperationsOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<EventStreams> logger)
{
    /// <summary>Proxies close connections that are silent for longer, often after 60 seconds.</summary>
    public static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);

    /// <summary>Then the client reconnects: with a key or session that may have ended, and to a replica that may be new.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);

    // Two queries of a fraction of a millisecond each; a hundred streams that are idle ask two hundred times a second.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private int _open;

    /// <summary>Takes a place until the request ends.</summary>
    /// <returns>False when all are taken.</returns>
    public bool TryOpen(HttpContext http)
    {
        if (Interlocked.Increment(ref _open) > options.Value.MaxStreams)
        {
            Interlocked.Decrement(ref _open);
            return false;
        }

        http.Response.RegisterForDispose(new Place(this));
        // nginx would collect events until its buffer is full.
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return true;
    }

    /// <summary>Reads page after page, until the client disconnects, the process stops, the database fails, or <see cref="Longest"/> has passed.</summary>
    public async IAsyncEnumerable<SseItem<object>> ReadAsync(
        FeedPosition position, Func<FeedPosition, CancellationToken, Task<StreamPage>> read, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var (sent, pause) = (started, ShortestPause);
        // At once, so that a client that loses the connection before the first event knows where to resume.
        yield return CreateHeartbeat(position);
        while (!lifetime.ApplicationStopping.IsCancellationRequested && time.GetElapsedTime(started) < Longest)
        {
            if (await TryReadAsync(read, position, cancellationToken) is not { } page)
            {
                yield break;
            }

            foreach (var item in page.Items)
            {
                yield return item;
            }

            position = page.Position;
            if (page.Items.Count > 0)
            {
                (sent, pause) = (time.GetTimestamp(), ShortestPause);
            }
            else if (time.GetElapsedTime(sent) >= HeartbeatInterval)
            {
                sent = time.GetTimestamp();
                yield return CreateHeartbeat(position);
            }

            if (!page.IsFull)
            {
                await WaitAsync(pause, cancellationToken);
                pause = Pauses.Double(pause, LongestPause);
            }
        }
    }

    private static SseItem<object> CreateHeartbeat(FeedPosition position) =>
        new(new { }, "heartbeat") { EventId = $"{position}", ReconnectionInterval = ReconnectAfter };

    /// <returns>Null when the database failed.</returns>
    private async Task<StreamPage?> TryReadAsync(
        Func<FeedPosition, CancellationToken, Task<StreamPage>> read, FeedPosition position, CancellationToken cancellationToken)
    {
        try
        {
            return await read(position, cancellationToken);
        }
        catch (Exception exception) when (OperationsSetup.IsUnavailable(exception))
        {
            LogEnded(logger, exception.Message);
            return null;
        }
    }

    private async Task WaitAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, cancellationToken);
        await Task.Delay(pause, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(LogLevel.Information, "Ended a stream, whose client will reconnect: {Fault}")]
    private static partial void LogEnded(ILogger logger, string fault);

    private sealed class Place(EventStreams streams) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref streams._open);
    }
}

/// <param name="Position">Where the next page begins.</param>
/// <param name="IsFull">The next page may have items already.</param>
internal sealed record StreamPage(IReadOnlyList<SseItem<object>> Items, FeedPosition Position, bool IsFull);
