using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>An operator: a worker of the lab that has only the role <c>api</c>, and a client of its operations API.</summary>
internal sealed class Operator : IAsyncDisposable
{
    private readonly ServerProcess _worker;
    private readonly HttpClient _http;
    private readonly CancellationToken _cancel;

    private Operator(ServerProcess worker, HttpClient http, CancellationToken cancel) => (_worker, _http, _cancel) = (worker, http, cancel);

    public static async Task<Operator> StartAsync(FaultContext context)
    {
        var key = $"ops_{Guid.NewGuid():N}";
        var port = Machine.FreePort();
        var worker = context.Lab.Worker($"worker-api-{port}", new Dictionary<string, string?> { ["Operations__ApiKeys__0"] = key }, roles: "api", port: port);
        await worker.StartAsync(context.Cancel);
        // A release takes up to 50 seconds.
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(2) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return new Operator(worker, http, context.Cancel);
    }

    public Task<JsonElement> GetAsync(string path) => ReadAsync(_http.GetAsync(new Uri(path, UriKind.Relative), _cancel));

    public Task<JsonElement> PostAsync(string path, object request) => ReadAsync(_http.PostAsJsonAsync(path, request, _cancel));

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _worker.KillAsync(CancellationToken.None);
    }

    private async Task<JsonElement> ReadAsync(Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        var text = await answer.Content.ReadAsStringAsync(_cancel);
        Expect(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode} {text}");
        return JsonElement.Parse(text);
    }
}
