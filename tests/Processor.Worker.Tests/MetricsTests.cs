using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Processor.Worker.Tests;

/// <summary>Dashboards and alerts know the metrics by name and unit.</summary>
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

        _ = new ProcessorMetrics(meters);

        Assert.Equal(
            [
                ("inbox.units.committed", "{unit}"),
                ("inbox.group.size", "{unit}"),
                ("inbox.group.duration", "s"),
                ("outbox.messages.published", "{message}"),
                ("notification.attempts", "{attempt}"),
            ],
            found);
    }

    [Fact]
    public void Groups_are_told_by_powers_of_two_and_their_time_to_the_millisecond()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        var instruments = new Dictionary<string, Instrument>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Scope == meters)
            {
                instruments[instrument.Name] = instrument;
            }
        };
        listener.Start();

        _ = new ProcessorMetrics(meters);

        var sizes = Assert.IsType<Histogram<long>>(instruments["inbox.group.size"]).Advice?.HistogramBucketBoundaries;
        var times = Assert.IsType<Histogram<double>>(instruments["inbox.group.duration"]).Advice?.HistogramBucketBoundaries;
        Assert.Equal(Enumerable.Range(0, 12).Select(exponent => 1L << exponent), sizes);
        Assert.Equal((0.001, 10), (times?[0], times?[^1]));
    }
}
