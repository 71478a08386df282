using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Operations.Cli;

/// <summary>The operations API of a running platform, as the verbs use it.</summary>
internal sealed class OperationsClient : IDisposable
{
    private readonly HttpClient _http;

    public OperationsClient(ApiAccess api)
    {
        _http = new HttpClient { BaseAddress = new Uri($"{api.Url.TrimEnd('/')}/"), Timeout = TimeSpan.FromMinutes(2) };
        _http.DefaultRequestHeaders.Authorization = api.Key is null ? null : new AuthenticationHeaderValue("Bearer", api.Key);
    }

    public Uri Address => _http.BaseAddress!;

    public Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, null, cancellationToken);

    public Task<JsonElement> PostAsync(string path, object? body, CancellationToken cancellationToken) => SendAsync(HttpMethod.Post, path, body, cancellationToken);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Delete, path, null, cancellationToken);

    /// <summary>Opens a stream of server-sent events, and reads only the headers of the answer.</summary>
    /// <param name="position">The id of the last event; null to begin now.</param>
    public async Task<HttpResponseMessage> OpenAsync(string path, string? position, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (position is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", position);
        }

        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonElement> SendAsync(HttpMethod method, string path, object? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        try
        {
            using var answer = await _http.SendAsync(request, cancellationToken);
            return answer.IsSuccessStatusCode
                ? await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)
                : throw new CommandException(await DescribeAsync(answer, cancellationToken));
        }
        catch (HttpRequestException exception)
        {
            throw new CommandException($"The operations API at {_http.BaseAddress} does not answer: {exception.Message}");
        }
    }

    /// <summary>The problem details in one line: what is wrong, and with which parts of the request.</summary>
    public static async Task<string> DescribeAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var status = $"The operations API answered {(int)answer.StatusCode}";
        try
        {
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
            string[] parts =
            [
                .. problem.TryGetProperty("detail", out var detail) || problem.TryGetProperty("title", out detail) ? [$"{detail}"] : Array.Empty<string>(),
                .. problem.TryGetProperty("errors", out var errors)
                    ? errors.EnumerateObject().Select(error => $"{error.Name} {string.Join(" ", error.Value.EnumerateArray())}")
                    : [],
            ];
            return parts.Length > 0 ? $"{status}: {string.Join(" ", parts)}" : $"{status}.";
        }
        catch (JsonException)
        {
            return $"{status}.";
        }
    }
}
