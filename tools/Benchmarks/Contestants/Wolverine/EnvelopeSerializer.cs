using System.Text.Json;
using Wolverine.Runtime.Serialization;
using Envelope = Wolverine.Envelope;

namespace Platform.Benchmarks.Contestants.Wolverine;

/// <summary>Reads the ingress's envelope as the raw clients do.</summary>
internal sealed class EnvelopeSerializer : IMessageSerializer
{
    public const string Format = "application/vnd.masstransit+json";

    public string ContentType => Format;

    public object ReadFromData(Type messageType, Envelope envelope) => ReadFromData(envelope.Data!);

    public object ReadFromData(byte[] data) => JsonSerializer.Deserialize(data, EnvelopeJson.Default.ReceivedEnvelope)!.Message;

    public byte[] Write(Envelope envelope) => throw new NotSupportedException("Nothing is sent.");

    public byte[] WriteMessage(object message) => throw new NotSupportedException("Nothing is sent.");
}
