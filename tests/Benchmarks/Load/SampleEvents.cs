using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platform.Simulator.MagicHour;

namespace Platform.Benchmarks.Load;

/// <summary>
/// Distinct events of the usual kind and size, made fast: in blocks of 500 jobs, first all their starts, then all their ends. They are
/// what the simulator of Magic Hour makes, with the job's id stamped in.
/// </summary>
internal sealed class SampleEvents
{
    private const int JobsPerBlock = 500;

    // As long as the ids of Magic Hour.
    private const int IdLength = 25;
    private const int NumberLength = 10;

    private static readonly string Placeholder = new('#', IdLength);

    private readonly string _series = "cm" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", IdLength - NumberLength - 2);
    private readonly EventMould _started;
    private readonly EventMould _completed;

    public SampleEvents(DateTimeOffset now)
    {
        // Real URLs are signed. With these, a start and an end have 700 bytes on average.
        var job = MagicHourJob.Typical("video", Placeholder, now) with { AuthToken = new string('t', 500) };
        _started = new EventMould(MagicHourEvent.Create("video.started", job));
        _completed = new EventMould(MagicHourEvent.Create("video.completed", job));
    }

    public SampleEvent this[int index]
    {
        get
        {
            var (block, place) = Math.DivRem(index, JobsPerBlock * 2);
            var number = (block * JobsPerBlock) + (place % JobsPerBlock);
            var jobId = _series + number.ToString(CultureInfo.InvariantCulture).PadLeft(NumberLength, '0');
            return (place < JobsPerBlock ? _started : _completed).Cast(jobId);
        }
    }

    /// <summary>An event with holes for its job's id.</summary>
    private sealed class EventMould(MagicHourEvent mould)
    {
        private readonly int[] _holes = [.. FindHoles(mould.Body)];

        public SampleEvent Cast(string jobId)
        {
            var body = mould.Body.ToArray();
            foreach (var hole in _holes)
            {
                Encoding.ASCII.GetBytes(jobId, body.AsSpan(hole));
            }

            return new SampleEvent(mould.Type, jobId, body);
        }

        private static IEnumerable<int> FindHoles(byte[] body)
        {
            var placeholder = Encoding.ASCII.GetBytes(Placeholder);
            for (var hole = body.AsSpan().IndexOf(placeholder); hole < body.Length;)
            {
                yield return hole;
                var next = body.AsSpan(hole + IdLength).IndexOf(placeholder);
                hole = next < 0 ? body.Length : hole + IdLength + next;
            }
        }
    }
}

/// <param name="Body">The exact bytes.</param>
internal readonly record struct SampleEvent(string Type, string JobId, byte[] Body);
