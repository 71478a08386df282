using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>Dashboards and alerts know the metrics by name, unit and label.</summary>
public sealed class MetricsTests
{
    [Fact]
    public void The_metrics_are_these_and_no_others()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        var found = new List<(string Name, string? Unit)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            // Other tests have the same meters in this process.
            if (instrument.Meter.Scope == meters)
            {
                found.Add((instrument.Name, instrument.Unit));
            }
        };
        listener.Start();

        _ = new IngressMetrics(meters);

        Assert.Equal([("webhooks_received", null), ("webhook_processing", "s")], found);
    }

    [Fact]
    public async Task Prometheus_sees_the_names_of_the_senders_guide()
    {
        await using var app = new IngressApp();
        using var accepted = await app.SendAsync(Samples.Read("video.completed.json"));
        using var client = app.CreateClient();

        var metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Matches("""(?m)^webhooks_received_total\{.*event_type="video.completed",outcome="accepted".*\} """, metrics);
        Assert.Matches("""(?m)^webhook_processing_seconds_count\{.*\} """, metrics);
    }

    [Fact]
    public async Task The_time_to_an_answer_is_told_to_the_millisecond()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();
        using var response = await app.SendAsync("{}"u8.ToArray());

        var metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Equal(
            ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"],
            metrics.Split('\n')
                .Where(line => line.StartsWith("webhook_processing_seconds_bucket", StringComparison.Ordinal))
                .Select(line => line.Split("le=\"")[1].Split('"')[0]));
    }
}
