using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Platform.Benchmarks.Contestants;

/// <summary>The unconfirmed publishes of one channel by delivery tag; one acknowledgement may confirm many.</summary>
internal sealed class ConfirmTable
{
    // More than can be in flight.
    private const int Size = 16 * 1024;

    private readonly IChannel _channel;
    private readonly Lock _turn = new();
    private readonly TaskCompletionSource?[] _waiting = new TaskCompletionSource[Size];
    private ulong _lastTag;
    private ulong _oldestTag = 1;

    public ConfirmTable(IChannel channel)
    {
        _channel = channel;
        channel.BasicAcksAsync += OnAckAsync;
        channel.BasicReturnAsync += (_, _) => Fail("The broker returned a message.");
        channel.BasicNacksAsync += (_, _) => Fail("The broker refused a message.");
    }

    /// <summary>Completes once the broker has confirmed the message.</summary>
    public async Task PublishAsync(string exchange, BasicProperties properties, byte[] body, CancellationToken cancellationToken)
    {
        var confirmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ValueTask written;
        // Delivery tags count publishes in the order in which they start, because the client queues them immediately. None may be cancelled, or
        // all later tags would be off.
        lock (_turn)
        {
            Volatile.Write(ref _waiting[++_lastTag % Size], confirmed);
            written = _channel.BasicPublishAsync(exchange, "", mandatory: true, properties, body, CancellationToken.None);
        }

        await written;
        await confirmed.Task.WaitAsync(cancellationToken);
    }

    // The client delivers acknowledgements one at a time.
    private Task OnAckAsync(object sender, BasicAckEventArgs args)
    {
        for (var tag = args.Multiple ? _oldestTag : args.DeliveryTag; tag <= args.DeliveryTag; tag++)
        {
            Interlocked.Exchange(ref _waiting[tag % Size], null)?.SetResult();
        }

        _oldestTag = args.Multiple ? args.DeliveryTag + 1 : _oldestTag;
        return Task.CompletedTask;
    }

    private static Task Fail(string why)
    {
        // The figure of a contestant that loses messages would be invalid.
        Environment.FailFast(why);
        return Task.CompletedTask;
    }
}
