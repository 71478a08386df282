using System.Net.Mime;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;
using Platform.Contracts;

namespace Processor.Worker.Inbox;

/// <summary>
/// Reads messages of the ingress in one pass. MassTransit first parses the envelope into a tree and then reads the message from it; it
/// still reads messages of all other publishers. Removes the response and fault addresses from every message.
/// </summary>
internal sealed class EnvelopeDeserializer : IMessageDeserializer, ISerializerFactory
{
    private static readonly SystemTextJsonMessageSerializer Stock = SystemTextJsonMessageSerializer.Instance;

    public ContentType ContentType => Stock.ContentType;

    public IMessageSerializer CreateSerializer() => Stock;

    public IMessageDeserializer CreateDeserializer() => this;

    public void Probe(ProbeContext context) => Stock.Probe(context);

    public ConsumeContext Deserialize(ReceiveContext receiveContext) => new UnaddressedContext(
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
        // The reader throws InvalidOperationException for half a surrogate pair in a name.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // MassTransit cannot read it either, and records the reason in the parked message.
            return null;
        }
    }

    /// <summary>
    /// MassTransit declares the exchanges and queues named in a message and sends its fault there, even when faults are not published. Any
    /// publisher could make the worker do this with the permissions of the worker.
    /// </summary>
    private sealed class UnaddressedContext(ReceiveContext receiveContext, SerializerContext serializerContext)
        : BodyConsumeContext(receiveContext, serializerContext)
    {
        public override Uri ResponseAddress => null!;

        public override Uri FaultAddress => null!;
    }
}
