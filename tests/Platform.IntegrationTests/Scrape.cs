using System.Globalization;

namespace Platform.IntegrationTests;

/// <summary>The metrics of a service as Prometheus reads them.</summary>
internal sealed class Scrape(string text)
{
    public string Text => text;

    /// <param name="service">Any address of the service.</param>
    public static async Task<Scrape> ReadAsync(Uri service, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        return new Scrape(await http.GetStringAsync(new Uri(service, "/metrics"), cancellationToken));
    }

    /// <summary>The sum over all series of a metric, or over those that have a label.</summary>
    /// <param name="label">In text format, such as <c>result="timed_out"</c>.</param>
    public double Sum(string metric, string label = "") => text.Split('\n')
        .Where(line => line.StartsWith($"{metric}{{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture));
}
