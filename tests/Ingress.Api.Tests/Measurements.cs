using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>The measurements of one service, as its exporters see them. Every other service in this process has the same meters.</summary>
internal sealed class Measurements : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, List<double>> _series = [];

    public Measurements(IServiceProvider services)
    {
        var meters = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == meters && instrument.Meter.Name == IngressMetrics.MeterName)
            {
                Instruments.Add(instrument.Name, instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public Dictionary<string, Instrument> Instruments { get; } = [];

    /// <summary>Every series with a measurement, as <c>name{label=value}</c>.</summary>
    public string[] Series
    {
        get
        {
            lock (_series)
            {
                return [.. _series.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>The measurements of a series.</summary>
    public double[] Of(string series)
    {
        lock (_series)
        {
            return [.. _series.GetValueOrDefault(series, [])];
        }
    }

    /// <summary>Collects the observable instruments.</summary>
    public void Observe() => _listener.RecordObservableInstruments();

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var series = $"{instrument.Name}{{{string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}}}";
        lock (_series)
        {
            if (!_series.TryGetValue(series, out var values))
            {
                _series.Add(series, values = []);
            }

            values.Add(value);
        }
    }
}
