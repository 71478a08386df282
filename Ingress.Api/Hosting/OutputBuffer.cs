using System.Buffers;

namespace Ingress.Api.Hosting;

/// <summary>
/// Where lines wait, for milliseconds, to be written to the output together. The console's own writer wakes its thread for each line, and
/// writes it in pieces: with a line for each request, that was more than a tenth of what the ingress took. A process that is killed takes
/// the lines of its last milliseconds with it.
/// </summary>
internal sealed class OutputBuffer : IDisposable
{
    // Some 1,500 lines. When as many wait for an output that stalls, those who log wait too.
    private const int FullBytes = 1024 * 1024;

    // As long as the console's own writer takes at most.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1.5);

    private readonly Stream _output;
    private readonly TimeSpan _delay;
    private readonly object _lock = new();
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _added = new();
    private ArrayBufferWriter<byte> _written = new();
    private bool _isOver;

    /// <param name="output">Written to by a thread of this buffer's own: one that stalls does not hold up requests.</param>
    /// <param name="delay">For how long a line waits for others.</param>
    public OutputBuffer(Stream output, TimeSpan delay)
    {
        (_output, _delay) = (output, delay);
        _writer = new Thread(Run) { IsBackground = true, Name = "Output" };
        _writer.Start();
    }

    /// <param name="line">With its end.</param>
    public void Add(ReadOnlySpan<byte> line)
    {
        lock (_lock)
        {
            while (_added.WrittenCount >= FullBytes && !_isOver)
            {
                Monitor.Wait(_lock);
            }

            _added.Write(line);
            // The writer waits for a first line, and when it has one only for the time to pass.
            if (_added.WrittenCount == line.Length || _added.WrittenCount >= FullBytes)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Writes what waits, unless the output stalls. What is added later is not written.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            Monitor.PulseAll(_lock);
        }

        _writer.Join(TimeToEnd);
    }

    private void Run()
    {
        while (TryTake())
        {
            try
            {
                _output.Write(_written.WrittenSpan);
            }
            catch (Exception)
            {
                // A disk that is full, an output that was closed: there is nowhere to say it, and the next lines may find room.
            }

            _written.ResetWrittenCount();
        }
    }

    /// <summary>Waits for lines, and for others to come; false when there will be none.</summary>
    private bool TryTake()
    {
        lock (_lock)
        {
            while (_added.WrittenCount == 0 && !_isOver)
            {
                Monitor.Wait(_lock);
            }

            if (_added.WrittenCount < FullBytes && !_isOver)
            {
                Monitor.Wait(_lock, _delay);
            }

            (_added, _written) = (_written, _added);
            Monitor.PulseAll(_lock);
            return _written.WrittenCount > 0;
        }
    }
}
