using System.Text.Json;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Processor.Worker.Release;

/// <summary>A message of a queue, delivered to be looked at.</summary>
internal sealed class ParkedDelivery : ParkedMessage
{
    public required ulong DeliveryTag { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public required IReadOnlyBasicProperties Properties { get; init; }

    public required ParkedHeaders Headers { get; init; }

    public static ParkedDelivery Of(BasicDeliverEventArgs delivery)
    {
        var headers = new ParkedHeaders(delivery.BasicProperties.Headers);
        var (eventType, jobId) = ReadEnvelope(delivery.Body);
        return new ParkedDelivery
        {
            Id = delivery.BasicProperties.MessageId ?? "-",
            MessageId = Guid.TryParse(delivery.BasicProperties.MessageId, out var messageId) ? messageId : null,
            EventType = eventType,
            JobId = jobId,
            Reason = headers.Reason,
            ParkedAt = headers.ParkedAt,
            // Whether the reason still stands is what the worker will find out.
            IsUsable = true,
            DeliveryTag = delivery.DeliveryTag,
            // The client takes its buffer back after the handler.
            Body = delivery.Body.ToArray(),
            Properties = delivery.BasicProperties,
            Headers = headers,
        };
    }

    /// <summary>Type and job as MassTransit's envelope has them; a dash for what it does not have.</summary>
    private static (string EventType, string JobId) ReadEnvelope(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var envelope = JsonText.Parse(body);
            return (Text(envelope.RootElement, "eventType"), Text(envelope.RootElement, "jobId"));
        }
        catch (JsonException)
        {
            return ("-", "-");
        }
    }

    private static string Text(JsonElement envelope, string name) =>
        envelope.ValueKind is JsonValueKind.Object && envelope.TryGetProperty("message", out var message)
        && message.ValueKind is JsonValueKind.Object && message.TryGetProperty(name, out var member)
        && member.ValueKind is JsonValueKind.String
            ? JsonText.Read(member)
            : "-";
}
