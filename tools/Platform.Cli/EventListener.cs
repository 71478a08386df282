using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary>Reads a stream of server-sent events, and reconnects where it ended.</summary>
/// <param name="position">Null to begin where the path says.</param>
/// <param name="file">Where the position is stored, for the message when it is of no use.</param>
internal sealed class EventListener(OperationsClient client, string path, string? position, string file)
{
    // The API sends a heartbeat every 15 seconds.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(45);

    private readonly Pauses _pauses = new();
    private string? _position = position;

    /// <exception cref="SetupException">The API refuses the stream, and would refuse it again.</exception>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            silence.CancelAfter(LongestSilence);
            using var answer = await TryConnectAsync(silence.Token, cancellationToken);
            await using var items = answer is null ? null
                : SseParser.Create(await answer.Content.ReadAsStreamAsync(cancellationToken)).EnumerateAsync(silence.Token).GetAsyncEnumerator(silence.Token);
            while (items is not null && await TryMoveAsync(items, cancellationToken))
            {
                _pauses.Reset();
                _position = items.Current.EventId ?? _position;
                yield return items.Current;
                silence.CancelAfter(LongestSilence);
            }

            await _pauses.WaitAsync(cancellationToken);
        }
    }

    /// <returns>Null when the API is unavailable.</returns>
    private async Task<HttpResponseMessage?> TryConnectAsync(CancellationToken silence, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await client.OpenAsync(path, _position, silence);
            if (answer.StatusCode is HttpStatusCode.OK)
            {
                return answer;
            }

            using (answer)
            {
                var problem = await OperationsClient.DescribeAsync(answer, cancellationToken);
                if ((int)answer.StatusCode < 500 && answer.StatusCode is not HttpStatusCode.TooManyRequests)
                {
                    throw new SetupException(answer.StatusCode is HttpStatusCode.Gone ? $"{problem} Remove {file}, or give --since." : problem);
                }

                await Console.Error.WriteLineAsync($"{problem} Trying again.");
            }
        }
        catch (Exception exception) when (IsInterruption(exception) && !cancellationToken.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"The operations API does not answer, trying again: {exception.Message}");
        }

        return null;
    }

    /// <returns>False when the stream has ended, in whatever way.</returns>
    private static async Task<bool> TryMoveAsync(IAsyncEnumerator<SseItem<string>> items, CancellationToken cancellationToken)
    {
        try
        {
            return await items.MoveNextAsync();
        }
        catch (Exception exception) when (IsInterruption(exception) && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static bool IsInterruption(Exception exception) => exception is HttpRequestException or IOException or OperationCanceledException;
}

/// <summary>Growing pauses between attempts: from one second to thirty.</summary>
internal sealed class Pauses
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private TimeSpan _next = Shortest;

    public void Reset() => _next = Shortest;

    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(_next, cancellationToken);
        _next = _next * 2 < Longest ? _next * 2 : Longest;
    }
}
