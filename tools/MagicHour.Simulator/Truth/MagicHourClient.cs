using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>Creates jobs at a simulated Magic Hour, as an application does.</summary>
internal sealed class MagicHourClient : IDisposable
{
    private readonly HttpClient _http;

    public MagicHourClient(SimulatedMagicHour magicHour)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(magicHour.Url) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", magicHour.ApiKey);
    }

    /// <param name="tool">Its path, such as <c>text-to-video</c>.</param>
    /// <returns>The id of the job.</returns>
    public async Task<string> CreateJobAsync(string tool, CancellationToken cancellationToken)
    {
        using var answer = await _http.PostAsync(new Uri($"/v1/{tool}", UriKind.Relative), content: null, cancellationToken);
        var job = await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return job.GetProperty("id").GetString()!;
    }

    public void Dispose() => _http.Dispose();
}
