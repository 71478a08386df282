using Platform.Contracts;
using RabbitMQ.Client;
using Wolverine.RabbitMQ.Internal;
using Wolverine.Util;
using Envelope = Wolverine.Envelope;

namespace Platform.Benchmarks.Contestants.Wolverine;

/// <summary>Reads the properties of the ingress's messages: their ids make Wolverine's inbox remember events.</summary>
internal sealed class EnvelopeMapper : IRabbitMqEnvelopeMapper
{
    private static readonly string MessageType = typeof(WebhookReceived).ToMessageTypeName();

    public void MapIncomingToEnvelope(Envelope envelope, IReadOnlyBasicProperties incoming)
    {
        envelope.Id = Guid.Parse(incoming.MessageId!);
        envelope.MessageType = MessageType;
        envelope.ContentType = EnvelopeSerializer.Format;
    }

    public void MapEnvelopeToOutgoing(Envelope envelope, IBasicProperties outgoing) => throw new NotSupportedException("Nothing is sent.");
}
