using System.Buffers;

namespace Platform.ServiceDefaults.Logging;

/// <summary>
/// Collects log lines for a few milliseconds and writes them to the output together. The console's own writer wakes its thread for each
/// line and writes it in pieces: with one line per request, that took more than a tenth of the ingress's CPU time. A process that is killed
/// loses the lines of its last milliseconds.
/// </summary>
internal sealed class OutputBuffer : IDisposable
{
    // About 1,500 lines. When the output stalls and the buffer is full, threads that log wait.
    private const int FullBytes = 1024 * 1024;

    // Time limit for the last write, the same as in the console's own writer.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1.5);

    private readonly Stream _output;
    private readonly TimeSpan _delay;
    private readonly object _lock = new();
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _added = new();
    private ArrayBufferWriter<byte> _written = new();
    private bool _isOver;

    /// <param name="output">Written to by a dedicated thread: a stalled output does not delay requests.</param>
    /// <param name="delay">How long a line waits for others.</param>
    public OutputBuffer(Stream output, TimeSpan delay)
    {
        (_output, _delay) = (output, delay);
        _writer = new Thread(Run) { IsBackground = true, Name = "Output" };
        _writer.Start();
    }

    /// <param name="line">Including its line end.</param>
    public void Add(ReadOnlySpan<byte> line)
    {
        lock (_lock)
        {
            while (_added.WrittenCount >= FullBytes && !_isOver)
            {
                Monitor.Wait(_lock);
            }

            _added.Write(line);
            // Wake the writer for the first line only; after that, it waits for the delay to pass.
            if (_added.WrittenCount == line.Length || _added.WrittenCount >= FullBytes)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Writes the pending lines, unless the output stalls. Lines added later are not written.</summary>
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
                // The disk is full or the output was closed: there is nowhere to report it, and later lines may succeed.
            }

            _written.ResetWrittenCount();
        }
    }

    /// <summary>Waits for lines, and then for the delay; false when there will be no more lines.</summary>
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
