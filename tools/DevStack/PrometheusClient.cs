using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Platform.DevStack;

/// <summary>Queries a Prometheus through its API.</summary>
public sealed class PrometheusClient(string url) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = new Uri(url) };

    /// <summary>The alerts that are firing.</summary>
    public async Task<IReadOnlyList<FiringAlert>> ListFiringAsync(CancellationToken cancellationToken)
    {
        var data = await GetAsync("/api/v1/alerts", cancellationToken);
        return
        [
            .. data.GetProperty("alerts").EnumerateArray()
                .Where(alert => alert.GetProperty("state").GetString() == "firing")
                .Select(alert => new FiringAlert(
                    alert.GetProperty("labels").GetProperty("alertname").GetString()!,
                    alert.GetProperty("annotations").GetProperty("summary").GetString()!)),
        ];
    }

    /// <summary>The current values of a query, one for each series, without those that are not numbers.</summary>
    public async Task<IReadOnlyList<Sample>> QueryAsync(string promQl, CancellationToken cancellationToken)
    {
        var data = await GetAsync($"/api/v1/query?query={Uri.EscapeDataString(promQl)}", cancellationToken);
        return
        [
            .. data.GetProperty("result").EnumerateArray()
                .Select(series => new Sample(
                    series.GetProperty("metric").GetRawText(),
                    double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)))
                .Where(sample => !double.IsNaN(sample.Value)),
        ];
    }

    /// <summary>The value of a query with one result, or 0.</summary>
    public async Task<double> QueryNumberAsync(string promQl, CancellationToken cancellationToken) =>
        (await QueryAsync(promQl, cancellationToken)).SingleOrDefault()?.Value ?? 0;

    /// <summary>Errors of the last evaluation of the rules.</summary>
    public async Task<IReadOnlyList<string>> ListRuleErrorsAsync(CancellationToken cancellationToken)
    {
        var data = await GetAsync("/api/v1/rules", cancellationToken);
        return
        [
            .. data.GetProperty("groups").EnumerateArray()
                .SelectMany(group => group.GetProperty("rules").EnumerateArray())
                .Where(rule => rule.GetProperty("health").GetString() != "ok")
                .Select(rule => rule.GetRawText()),
        ];
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(path, cancellationToken);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return answer.GetProperty("status").GetString() == "success"
            ? answer.GetProperty("data")
            : throw new InvalidOperationException($"{path}: {answer.GetProperty("error").GetString()}");
    }
}

/// <param name="Summary">The summary that a person reads.</param>
public sealed record FiringAlert(string Name, string Summary);

/// <summary>The value of a series.</summary>
public sealed record Sample(string Labels, double Value);
