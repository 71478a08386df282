using System.Text;
using Ingress.Api.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Ingress.Api.Tests;

public sealed class OutputBufferTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Output _output = new();
    private readonly OutputBuffer _buffer;

    public OutputBufferTests() => _buffer = new OutputBuffer(_output, _time);

    public void Dispose()
    {
        _buffer.Dispose();
        _output.Dispose();
    }

    [Fact]
    public void Lines_that_come_close_together_are_written_at_once_and_in_their_order()
    {
        _buffer.Add("one\n"u8);
        _time.Advance(OutputBuffer.Delay / 2);
        _buffer.Add("two\n"u8);
        Assert.Empty(_output.Writes);

        _time.Advance(OutputBuffer.Delay / 2);

        Assert.Equal(["one\ntwo\n"], _output.Writes);
    }

    [Fact]
    public void The_next_lines_wait_anew()
    {
        _buffer.Add("one\n"u8);
        _time.Advance(OutputBuffer.Delay);
        _buffer.Add("two\n"u8);
        Assert.Equal(["one\n"], _output.Writes);

        _time.Advance(OutputBuffer.Delay);

        Assert.Equal(["one\n", "two\n"], _output.Writes);
    }

    [Fact]
    public void Too_many_do_not_wait()
    {
        var line = new byte[600 * 1024];
        _buffer.Add(line);
        Assert.Empty(_output.Writes);

        _buffer.Add(line);

        Assert.Equal(2 * line.Length, Assert.Single(_output.Writes).Length);
    }

    [Fact]
    public void What_waits_at_the_end_is_written_and_what_is_logged_after_it_at_once()
    {
        _buffer.Add("one\n"u8);

        _buffer.Dispose();
        Assert.Equal(["one\n"], _output.Writes.Where(text => text.Length > 0));

        _buffer.Add("two\n"u8);
        Assert.Equal(["one\n", "two\n"], _output.Writes.Where(text => text.Length > 0));
    }

    [Fact]
    public void A_full_disk_ends_neither_the_process_nor_the_log()
    {
        _output.IsFull = true;
        _buffer.Add("lost\n"u8);
        _time.Advance(OutputBuffer.Delay);

        _output.IsFull = false;
        _buffer.Add("one\n"u8);
        _time.Advance(OutputBuffer.Delay);

        Assert.Equal(["one\n"], _output.Writes);
    }

    private sealed class Output : MemoryStream
    {
        public List<string> Writes { get; } = [];

        public bool IsFull { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsFull)
            {
                throw new IOException("No space left on device");
            }

            Writes.Add(Encoding.ASCII.GetString(buffer));
        }
    }
}
