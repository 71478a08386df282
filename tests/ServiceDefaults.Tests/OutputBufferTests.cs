using System.Text;
using System.Threading.Channels;
using Platform.ServiceDefaults.Logging;

namespace ServiceDefaults.Tests;

public sealed class OutputBufferTests : IDisposable
{
    private readonly Output _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Lines_wait_for_others_and_are_written_together_and_in_their_order()
    {
        using (var buffer = new OutputBuffer(_output, Timeout.InfiniteTimeSpan))
        {
            buffer.Add("one\n"u8);
            buffer.Add("two\n"u8);
            Assert.False(_output.Writes.TryPeek(out _));
        }

        Assert.Equal(["one\ntwo\n"], _output.TakeWrites());
    }

    [Fact]
    public async Task They_do_not_wait_indefinitely()
    {
        using var buffer = new OutputBuffer(_output, TimeSpan.FromMilliseconds(1));

        buffer.Add("one\n"u8);
        Assert.Equal("one\n", await _output.Writes.ReadAsync(TestContext.Current.CancellationToken));
        buffer.Add("two\n"u8);
        Assert.Equal("two\n", await _output.Writes.ReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Too_many_do_not_wait()
    {
        using var buffer = new OutputBuffer(_output, Timeout.InfiniteTimeSpan);
        var line = new byte[600 * 1024];

        buffer.Add(line);
        buffer.Add(line);

        Assert.Equal(2 * line.Length, (await _output.Writes.ReadAsync(TestContext.Current.CancellationToken)).Length);
    }

    [Fact]
    public async Task Lines_of_many_threads_stay_whole()
    {
        string[] lines = [.. Enumerable.Range(0, 20_000).Select(number => $"line {number}")];
        using (var buffer = new OutputBuffer(_output, TimeSpan.FromMilliseconds(1)))
        {
            await Parallel.ForEachAsync(
                lines,
                TestContext.Current.CancellationToken,
                (line, _) =>
                {
                    buffer.Add(Encoding.ASCII.GetBytes($"{line}\n"));
                    return ValueTask.CompletedTask;
                });
        }

        Assert.Equal(lines.Order(), string.Concat(_output.TakeWrites()).TrimEnd('\n').Split('\n').Order());
    }

    [Fact]
    public async Task An_output_that_stalls_holds_up_neither_who_logs_nor_the_end()
    {
        using var room = _output.Stall();
        var buffer = new OutputBuffer(_output, TimeSpan.FromMilliseconds(1));
        buffer.Add("one\n"u8);
        await _output.Stalled.WaitAsync(TestContext.Current.CancellationToken);

        buffer.Add("two\n"u8);
        buffer.Dispose();

        Assert.False(_output.Writes.TryPeek(out _));
        room.Set();
    }

    [Fact]
    public async Task An_output_that_fails_ends_neither_the_process_nor_the_log()
    {
        using var buffer = new OutputBuffer(_output, TimeSpan.FromMilliseconds(1));
        _output.Failure = new UnauthorizedAccessException();
        buffer.Add("lost\n"u8);
        await _output.Failed.WaitAsync(TestContext.Current.CancellationToken);

        _output.Failure = null;
        buffer.Add("one\n"u8);

        Assert.Equal("one\n", await _output.Writes.ReadAsync(TestContext.Current.CancellationToken));
    }

    private sealed class Output : MemoryStream
    {
        private readonly Channel<string> _writes = Channel.CreateUnbounded<string>();
        private readonly TaskCompletionSource _failed = new();
        private readonly TaskCompletionSource _stalled = new();
        private ManualResetEventSlim? _room;

        public ChannelReader<string> Writes => _writes.Reader;

        public Exception? Failure { get; set; }

        public Task Failed => _failed.Task;

        public Task Stalled => _stalled.Task;

        public ManualResetEventSlim Stall() => _room = new ManualResetEventSlim();

        public List<string> TakeWrites()
        {
            var taken = new List<string>();
            while (Writes.TryRead(out var text))
            {
                taken.Add(text);
            }

            return taken;
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (_room is not null)
            {
                _stalled.TrySetResult();
                _room.Wait(TestContext.Current.CancellationToken);
            }

            if (Failure is { } failure)
            {
                _failed.TrySetResult();
                throw failure;
            }

            _writes.Writer.TryWrite(Encoding.ASCII.GetString(buffer));
        }
    }
}
