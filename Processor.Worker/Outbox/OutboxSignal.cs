using System.Threading.Channels;

namespace Processor.Worker.Outbox;

/// <summary>Signals new rows to the dispatcher, so that it need not poll.</summary>
internal sealed class OutboxSignal(TimeProvider time)
{
    private readonly Channel<bool> _wakeUps = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Wake() => _wakeUps.Writer.TryWrite(true);

    /// <summary>Returns when signalled, or at the latest after the time-out.</summary>
    public async Task WaitAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_wakeUps.Reader.ReadAsync(either.Token).AsTask(), Task.Delay(timeout, time, either.Token));
        await either.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }
}
