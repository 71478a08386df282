using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platform.Simulator.MagicHour;

namespace Platform.Benchmarks.Load;

/// <summary>
/// Distinct events of typical kind and size, generated fast: in blocks of 500 jobs, first all starts, then all ends. Each is an event of the
/// Magic Hour simulator with the job id stamped in.
/// </summary>
internal sealed class SampleEvents
{
    private const int JobsPerBlock = 500;

    // The length of Magic Hour's ids.
    private const int IdLength = 25;
    private const int NumberLength = 10;

    private static readonly string Placeholder = new('#', IdLength);

    private readonly string _series = "cm" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", IdLength - NumberLength - 2);
    private readonly EventMould _started;
    private readonly EventMould _completed;

    public SampleEvents(DateTimeOffset now)
    {
        // Real URLs are signed. With a token of this length, starts and ends average 700 bytes.
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

    /// <summary>An event template with gaps for the job id.</summary>
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
