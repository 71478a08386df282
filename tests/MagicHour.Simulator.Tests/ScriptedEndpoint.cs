using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Tests;

/// <summary>A webhook endpoint that answers as a test wants, and remembers what it was sent.</summary>
internal sealed class ScriptedEndpoint : IAsyncDisposable
{
    public const string Secret = "mhw_live_ExampleOnly000000000000000000000";
    public const string NextSecret = "mhw_live_ExampleOnly111111111111111111111";

    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Request> _requests = [];

    private ScriptedEndpoint(WebApplication app) => _app = app;

    public IReadOnlyList<Request> Requests => [.. _requests];

    public StormTarget Target => new(_app.Urls.Single(), Secret);

    /// <param name="answer">The status for a request that is the n-th with its body; 0 cuts the connection.</param>
    public static async Task<ScriptedEndpoint> StartAsync(Func<int, Task<int>> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var endpoint = new ScriptedEndpoint(app);
        app.MapPost("/webhook", async http =>
        {
            var attempt = await endpoint.TakeAsync(http.Request);
            http.Response.StatusCode = await answer(attempt);
            if (http.Response.StatusCode == 0)
            {
                http.Abort();
            }
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return endpoint;
    }

    public static Task<ScriptedEndpoint> StartAsync(Func<int, int> answer) => StartAsync(attempt => Task.FromResult(answer(attempt)));

    /// <summary>Lets a storm loose on this endpoint.</summary>
    public async Task<Ledger> TakeAsync(StormPlan plan, string? nextSecret = null)
    {
        using var storm = new Storm(plan, [Target with { NextSecret = nextSecret }], TimeProvider.System);
        await storm.RunAsync(TestContext.Current.CancellationToken);
        return storm.Ledger;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<int> TakeAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted);
        _requests.Enqueue(new Request(
            body.ToArray(), request.Headers[Signing.TimestampHeader]!, request.Headers[Signing.SignatureHeader]!));
        return _requests.Count(one => one.Body.AsSpan().SequenceEqual(body.ToArray()));
    }

    internal sealed record Request(byte[] Body, string Timestamp, string Signature)
    {
        public bool IsSignedWith(string secret) => Signature == Signing.Sign(secret, Timestamp, Body);
    }
}
