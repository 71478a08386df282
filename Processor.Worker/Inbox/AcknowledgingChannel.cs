using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;

namespace Processor.Worker.Inbox;

/// <summary>A channel on which MassTransit's acknowledgements are sent together (<see cref="ChannelAcknowledgements"/>).</summary>
internal sealed class AcknowledgingChannel : ScopeChannelContext, ChannelContext
{
    private readonly ChannelContext _channel;

    public AcknowledgingChannel(ChannelContext channel, ChannelAcknowledgements acknowledgements)
        : base(channel, channel.CancellationToken)
    {
        _channel = channel;
        Acknowledgements = acknowledgements;
    }

    public ChannelAcknowledgements Acknowledgements { get; }

    ValueTask ChannelContext.BasicAck(ulong deliveryTag, bool multiple, CancellationToken cancellationToken) => multiple
        ? throw new NotSupportedException("MassTransit acknowledges each delivery alone.")
        : Acknowledgements.AcknowledgeAsync(_channel, deliveryTag, cancellationToken);

    Task ChannelContext.BasicNack(ulong deliveryTag, bool multiple, bool requeue, CancellationToken cancellationToken) => multiple
        ? throw new NotSupportedException("MassTransit returns each delivery alone.")
        : Acknowledgements.ReturnAsync(_channel, deliveryTag, requeue, cancellationToken);
}

/// <summary>Puts an <see cref="AcknowledgingChannel"/> before each channel of an endpoint.</summary>
internal sealed class AcknowledgingChannelFilter : IFilter<ChannelContext>
{
    // When the broker cancels a consumer, the next one uses the same channel, and its tags continue. Never disposed: messages of a closed
    // channel may still finish, and there is nothing but memory to free.
    private readonly ConditionalWeakTable<IChannel, ChannelAcknowledgements> _channels = [];

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        using var channel = new AcknowledgingChannel(context, _channels.GetOrCreateValue(context.Channel));
        await next.Send(channel);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("acknowledgingChannel");
}
