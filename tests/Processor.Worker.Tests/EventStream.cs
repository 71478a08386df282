using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Processor.Worker.Tests;

/// <summary>A client of a stream of server-sent events.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _answer;
    private readonly IAsyncEnumerator<SseItem<string>> _items;

    private EventStream(HttpResponseMessage answer, IAsyncEnumerator<SseItem<string>> items) => (_answer, _items) = (answer, items);

    /// <summary>The id of the last item, with which a client reconnects.</summary>
    public string Position { get; private set; } = "";

    /// <summary>The heartbeats that were read on the way.</summary>
    public int Heartbeats { get; private set; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Connects, and reads the first item, which is a heartbeat with the position.</summary>
    public static async Task<EventStream> OpenAsync(HttpClient http, string path, string? position = null)
    {
        var answer = await SendAsync(http, path, position);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var items = SseParser.Create(await answer.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel).GetAsyncEnumerator(Cancel);
        var stream = new EventStream(answer, items);
        Assert.Equal("heartbeat", (await stream.NextAsync()).EventType);
        return stream;
    }

    public static async Task<HttpResponseMessage> SendAsync(HttpClient http, string path, string? position = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (position is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", position);
        }

        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    /// <summary>The data of the next item that is no heartbeat.</summary>
    public async Task<JsonElement> ReadAsync()
    {
        while (true)
        {
            var item = await NextAsync();
            if (item.EventType != "heartbeat")
            {
                return JsonSerializer.Deserialize<JsonElement>(item.Data);
            }
        }
    }

    /// <summary>The job ids of the next events.</summary>
    public async Task<string[]> ReadJobsAsync(int count)
    {
        var jobs = new string[count];
        for (var i = 0; i < count; i++)
        {
            jobs[i] = OperationsApp.Text(await ReadAsync(), "jobId")!;
        }

        return jobs;
    }

    /// <summary>Reads heartbeats until the stream ends.</summary>
    public async Task ReadToEndAsync()
    {
        while (await _items.MoveNextAsync())
        {
            Assert.Equal("heartbeat", _items.Current.EventType);
        }
    }

    public async Task<SseItem<string>> NextAsync()
    {
        Assert.True(await _items.MoveNextAsync(), "The stream ended.");
        Position = _items.Current.EventId!;
        Heartbeats += _items.Current.EventType == "heartbeat" ? 1 : 0;
        return _items.Current;
    }

    public async ValueTask DisposeAsync()
    {
        // Closes the connection. The enumerator would read the rest.
        _answer.Dispose();
        try
        {
            await _items.DisposeAsync();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or NotSupportedException)
        {
            // It was reading.
        }
    }
}
