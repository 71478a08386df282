using System.Diagnostics;
using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Load;

/// <summary>The result of a load.</summary>
internal sealed class LoadResult
{
    private readonly List<double> _milliseconds = [];
    private readonly List<int> _accepted = [];

    /// <summary>The requests that were answered 2xx.</summary>
    public IReadOnlyList<int> Accepted => _accepted;

    /// <summary>Answers that were not 2xx.</summary>
    public int Refused { get; private set; }

    /// <summary>The server closed connections under the load.</summary>
    public bool WasBroken { get; set; }

    /// <summary>Time until the last answer.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>2xx answers per second.</summary>
    public double Rate => _accepted.Count / Duration.TotalSeconds;

    /// <summary>Latency of all answers in milliseconds.</summary>
    public Percentiles Latency { get; private set; } = new([]);

    public void Add(int request, int status, TimeSpan latency)
    {
        _milliseconds.Add(latency.TotalMilliseconds);
        if (status is >= 200 and < 300)
        {
            _accepted.Add(request);
        }
        else
        {
            Refused++;
        }
    }

    /// <exception cref="TimeoutException">An answer is long overdue.</exception>
    public void ThrowIfLate(long giveUp)
    {
        if (Stopwatch.GetTimestamp() > giveUp)
        {
            throw new TimeoutException($"A load did not finish: {_accepted.Count} accepted, {Refused} refused, some not answered.");
        }
    }

    public LoadResult Finish(TimeSpan duration)
    {
        Duration = duration;
        Latency = new Percentiles(_milliseconds);
        return this;
    }

    /// <summary>Refused requests would invalidate the figure.</summary>
    /// <exception cref="InvalidOperationException">Not every request was answered 2xx.</exception>
    public LoadResult ThrowIfRefused() => Refused == 0 && !WasBroken && _accepted.Count > 0
        ? this
        : throw new InvalidOperationException(
            $"{Refused} of {Refused + _accepted.Count} requests were refused{(WasBroken ? ", then the server closed the connection" : "")}.");
}
