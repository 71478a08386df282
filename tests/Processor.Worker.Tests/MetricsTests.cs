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
            ],
            found);
    }
}
