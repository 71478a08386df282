using System.Buffers;

namespace Ingress.Api.Hosting;

/// <summary>
/// Where lines wait, for milliseconds, to be written to the output together. The console's own writer wakes a thread for each line, and
/// writes it in pieces: with a line for each request, that was more than a tenth of what the ingress took.
/// </summary>
internal sealed class OutputBuffer : IDisposable
{
    // Some 1,500 lines. When as many wait for an output that stalls, those who log wait too.
    private const int Full = 1024 * 1024;

    private readonly Stream _output;
    private readonly Lock _adding = new();
    private readonly Lock _writing = new();
    private readonly ITimer _timer;
    private ArrayBufferWriter<byte> _added = new();
    private ArrayBufferWriter<byte> _written = new();

    /// <param name="output">Written to by one thread at a time.</param>
    public OutputBuffer(Stream output, TimeProvider time)
    {
        _output = output;
        _timer = time.CreateTimer(_ => Write(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>For how long a line waits for others.</summary>
    public static TimeSpan Delay { get; } = TimeSpan.FromMilliseconds(20);

    /// <param name="line">With its end.</param>
    public void Add(ReadOnlySpan<byte> line)
    {
        int size;
        lock (_adding)
        {
            _added.Write(line);
            size = _added.WrittenCount;
        }

        var isFirst = size == line.Length;
        // The timer is not set any more when this is disposed of: what is logged so late does not wait.
        if (size >= Full || (isFirst && !_timer.Change(Delay, Timeout.InfiniteTimeSpan)))
        {
            Write();
        }
    }

    /// <summary>Writes what waits.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Write();
    }

    private void Write()
    {
        lock (_writing)
        {
            lock (_adding)
            {
                (_added, _written) = (_written, _added);
            }

            try
            {
                _output.Write(_written.WrittenSpan);
            }
            catch (IOException)
            {
                // A full disk, for example. There is nowhere to say it, and the next lines may find room.
            }

            _written.ResetWrittenCount();
        }
    }
}
