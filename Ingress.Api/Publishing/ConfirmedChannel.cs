using System.Threading.Channels;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Writes queued messages to one channel of one connection, and matches each answer of the broker to its message. There is a single writer,
/// because the broker numbers messages in the order in which they are written.
/// </summary>
internal sealed class ConfirmedChannel : IDisposable
{
    private readonly IChannel _channel;
    private readonly PublishQueue _queue;
    private readonly ChannelReader<PendingPublish> _waiting;
    private readonly UnansweredPublishes _unanswered = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ConfirmedChannel(IChannel channel, PublishQueue queue)
    {
        _channel = channel;
        channel.BasicAcksAsync += OnAckAsync;
        channel.BasicNacksAsync += OnNackAsync;
        channel.BasicReturnAsync += OnReturnAsync;
        channel.ChannelShutdownAsync += OnShutdownAsync;
        _queue = queue;
        _waiting = queue.Open();
    }

    /// <summary>Messages written and not yet answered.</summary>
    public int Unanswered => _unanswered.Count;

    /// <summary>Opens the channel; from then on the queue accepts messages.</summary>
    public static async Task<ConfirmedChannel> OpenAsync(IConnection connection, PublishQueue queue, CancellationToken cancellationToken)
    {
        // The client's own confirm tracking costs a lock, a header and a rate limiter for each message.
        var confirms = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false);
        return new ConfirmedChannel(await connection.CreateChannelAsync(confirms, cancellationToken), queue);
    }

    /// <summary>Writes messages until cancelled.</summary>
    /// <exception cref="Exception">The channel has failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = WriteAllAsync(over.Token);
        await Task.WhenAny(writing, _closed.Task);
        await over.CancelAsync();
        // Wait for the writer to end, so that it takes nothing more from the queue; it honours its token.
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Whichever ended first: a closed channel carries the reason.
        await (_closed.Task.IsCompleted ? _closed.Task : writing);
    }

    /// <summary>Closes the queue to messages and answers every waiting publish as lost.</summary>
    public void Dispose()
    {
        _queue.Close();
        while (_waiting.TryRead(out var publish))
        {
            publish.Resolve(PublishAnswer.Lost);
        }

        _unanswered.Close(PublishAnswer.Lost);
    }

    private async Task WriteAllAsync(CancellationToken cancellationToken)
    {
        await foreach (var publish in _waiting.ReadAllAsync(cancellationToken))
        {
            if (publish.Take() is { } message)
            {
                _unanswered.Add(publish);
                await WriteAsync(message, publish.Trace, cancellationToken);
            }
        }
    }

    private async ValueTask WriteAsync(Envelope message, string? trace, CancellationToken cancellationToken)
    {
        var properties = new BasicProperties
        {
            MessageId = message.MessageId.ToString(),
            ContentType = Envelope.ContentType,
            DeliveryMode = DeliveryModes.Persistent,
            Headers = trace is null ? null : new Dictionary<string, object?> { [Envelope.TraceHeader] = trace },
        };
        // A confirm does not imply queued: without mandatory, the broker confirms and drops a message that no queue accepts.
        var written = _channel.BasicPublishAsync(message.Exchange, routingKey: "", mandatory: true, properties, message.Content, cancellationToken);
        if (!written.IsCompletedSuccessfully)
        {
            // Wait with a separate limit: the client can hang and ignore its token.
            await written.AsTask().WaitAsync(cancellationToken);
        }
    }

    private Task OnAckAsync(object sender, BasicAckEventArgs ack)
    {
        _unanswered.Resolve(ack.DeliveryTag, ack.Multiple, PublishAnswer.Confirmed);
        return Task.CompletedTask;
    }

    private Task OnNackAsync(object sender, BasicNackEventArgs nack)
    {
        _unanswered.Resolve(nack.DeliveryTag, nack.Multiple, PublishAnswer.Refused);
        return Task.CompletedTask;
    }

    private Task OnReturnAsync(object sender, BasicReturnEventArgs returned)
    {
        if (Guid.TryParse(returned.BasicProperties.MessageId, out var messageId))
        {
            _unanswered.Return(messageId, PublishAnswer.Returned(returned.ReplyText));
        }
        else
        {
            // The broker also confirms a returned message, and without the id it is unknown which one it was, so no confirm can be trusted.
            _closed.TrySetException(new InvalidOperationException("The broker returned a message without its id."));
            _unanswered.Close(PublishAnswer.Lost);
        }

        return Task.CompletedTask;
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs reason)
    {
        _closed.TrySetException(new AlreadyClosedException(reason));
        return Task.CompletedTask;
    }
}
