using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Processor.Worker.Tests;

public sealed class MetricsTests
{
    [Fact]
    public void Groups_are_told_by_powers_of_two_and_their_time_to_the_millisecond()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        var instruments = new Dictionary<string, Instrument>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) => instruments[$"{instrument.Meter.Name}/{instrument.Name}"] = instrument;
        listener.Start();

        _ = new ProcessorMetrics(meters);

        var sizes = Assert.IsType<Histogram<long>>(instruments["Processor.Worker/inbox.group.size"]).Advice?.HistogramBucketBoundaries;
        var times = Assert.IsType<Histogram<double>>(instruments["Processor.Worker/inbox.group.duration"]).Advice?.HistogramBucketBoundaries;
        Assert.Equal(Enumerable.Range(0, 12).Select(exponent => 1L << exponent), sizes);
        Assert.Equal((0.001, 10), (times?[0], times?[^1]));
    }
}
