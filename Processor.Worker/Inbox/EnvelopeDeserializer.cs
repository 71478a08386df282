using System.Net.Mime;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;
using Platform.Contracts;

namespace Processor.Worker.Inbox;

/// <summary>
/// Reads what the ingress publishes in one pass. MassTransit makes a tree of the envelope first and the message of the tree; it still
/// reads all that others publish.
/// </summary>
internal sealed class EnvelopeDeserializer : IMessageDeserializer, ISerializerFactory
{
    private static readonly SystemTextJsonMessageSerializer Stock = SystemTextJsonMessageSerializer.Instance;

    public ContentType ContentType => Stock.ContentType;

    public IMessageSerializer CreateSerializer() => Stock;

    public IMessageDeserializer CreateDeserializer() => this;

    public void Probe(ProbeContext context) => Stock.Probe(context);

    public ConsumeContext Deserialize(ReceiveContext receiveContext) => new BodyConsumeContext(
        receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null)
    {
        if (Read(body.GetBytes()) is not { } received)
        {
            return Stock.Deserialize(body, headers, destinationAddress);
        }

        var envelope = new JsonMessageEnvelope
        {
            MessageId = received.MessageId.ToString(),
            MessageType = [received.MessageType],
            Message = received.Message,
        };
        return new SystemTextJsonSerializerContext(
            Stock, SystemTextJsonMessageSerializer.Options, ContentType, new EnvelopeMessageContext(envelope, Stock), envelope.MessageType, envelope);
    }

    public MessageBody GetMessageBody(string text) => Stock.GetMessageBody(text);

    private static ReceivedEnvelope? Read(byte[] content)
    {
        try
        {
            return Envelope.Read(content);
        }
        catch (JsonException)
        {
            // MassTransit will not read it either, and says why where a parked message says it.
            return null;
        }
    }
}
