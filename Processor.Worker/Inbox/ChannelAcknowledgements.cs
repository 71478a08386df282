using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Processor.Worker.Inbox;

/// <summary>
/// Sends the acknowledgements of one channel. The group commit finishes its deliveries together; when MassTransit acknowledges the first of
/// them, all that are finished are acknowledged with it. Each delivery is thus acknowledged at the latest when MassTransit does it, and
/// never before it is finished.
/// </summary>
internal sealed class ChannelAcknowledgements : IDisposable
{
    private readonly DeliveryTags _tags = new();

    // The broker must receive everything in the order of the decisions: an acknowledgement up to a delivery that overtook the return of an
    // earlier one would include the returned message, which would be lost.
    private readonly SemaphoreSlim _turn = new(1);

    /// <inheritdoc cref="DeliveryTags.Finish"/>
    public void Finish(ulong tag) => _tags.Finish(tag);

    /// <summary>Finishes a delivery and acknowledges all that are finished; does nothing when it was acknowledged with others.</summary>
    public async ValueTask AcknowledgeAsync(ChannelContext channel, ulong tag, CancellationToken cancellationToken)
    {
        if (!_tags.IsExpected(tag))
        {
            return;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            _tags.Finish(tag);
            await AcknowledgeFinishedAsync(channel);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Returns a delivery to the queue; does nothing when it was acknowledged with others.</summary>
    public async Task ReturnAsync(ChannelContext channel, ulong tag, bool requeue, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_tags.IsExpected(tag))
            {
                await channel.BasicNack(tag, multiple: false, requeue, cancellationToken);
                // Not before it is sent: if that fails, the delivery stays open.
                _tags.Return(tag);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    // No message's token may cancel the acknowledgement of others. The channel still cancels it when it stops.
    private async ValueTask AcknowledgeFinishedAsync(ChannelContext channel)
    {
        var (upTo, alone) = _tags.TakeFinished();
        if (upTo is { } last)
        {
            await channel.BasicAck(last, multiple: true, CancellationToken.None);
        }

        foreach (var tag in alone)
        {
            await channel.BasicAck(tag, multiple: false, CancellationToken.None);
        }
    }
}

/// <summary>A delivery whose acknowledgement may be sent with others'.</summary>
internal readonly record struct Delivery(ChannelAcknowledgements Channel, ulong Tag)
{
    /// <summary>Null on an endpoint without <see cref="InboxSetup.UseBulkAcknowledgement"/>.</summary>
    public static Delivery? Find(ReceiveContext context) =>
        context.TryGetPayload(out AcknowledgingChannel? channel) && context.TryGetPayload(out RabbitMqBasicConsumeContext? delivery)
            ? new Delivery(channel.Acknowledgements, delivery.DeliveryTag)
            : null;

    /// <inheritdoc cref="DeliveryTags.Finish"/>
    public void Finish() => Channel.Finish(Tag);
}
