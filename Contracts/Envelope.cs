using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Platform.Contracts;

/// <summary>
/// A message in MassTransit's wire format, written without MassTransit; any MassTransit consumer can read it. Publishing through
/// MassTransit costs as much as all other work for an event.
/// </summary>
/// <param name="MessageId">The AMQP message id, and the key of the inbox.</param>
/// <param name="Exchange">The exchange to publish to: each contract has its own, which <c>migrate</c> declares.</param>
/// <param name="Content">UTF-8 JSON with the content type <see cref="ContentType"/>.</param>
public sealed record Envelope(Guid MessageId, string Exchange, ReadOnlyMemory<byte> Content)
{
    /// <summary>The AMQP content type.</summary>
    public const string ContentType = "application/vnd.masstransit+json";

    /// <summary>The header with the trace, as a W3C <c>traceparent</c>.</summary>
    public const string TraceHeader = "MT-Activity-Id";

    private const string Namespace = "Platform.Contracts";

    // Everything except the body: ids, names and times, with a margin.
    private const int UsualSize = 1024;

    /// <summary>Wraps an event, under its identity.</summary>
    /// <param name="sentAt">The time of publishing.</param>
    public static Envelope Create(WebhookReceived message, DateTimeOffset sentAt) =>
        Create(message.EventId, nameof(WebhookReceived), message, ContractJson.Default.WebhookReceived, message.Body.Length, sentAt);

    /// <summary>Wraps a body that is not a usable event, under the identity of the body.</summary>
    /// <inheritdoc cref="Create(WebhookReceived, DateTimeOffset)"/>
    public static Envelope Create(WebhookQuarantined message, DateTimeOffset sentAt) => Create(
        EventIdentity.FromBody(message.BodySha256), nameof(WebhookQuarantined), message, ContractJson.Default.WebhookQuarantined,
        message.Body.Length, sentAt);

    /// <summary>Wraps a report for the queue of the events.</summary>
    /// <inheritdoc cref="Create(WebhookReceived, DateTimeOffset)"/>
    public static Envelope Create(Guid messageId, PublishesConfirmed message, DateTimeOffset sentAt) =>
        Create(messageId, nameof(PublishesConfirmed), message, ContractJson.Default.PublishesConfirmed, bodyLength: 0, sentAt) with
        {
            Exchange = $"{Namespace}:{nameof(WebhookReceived)}",
        };

    /// <summary>Wraps a contract already serialised to JSON.</summary>
    /// <param name="contract">The name of the contract's type.</param>
    /// <param name="json">The contract as JSON in UTF-8; not validated.</param>
    /// <inheritdoc cref="Create(WebhookReceived, DateTimeOffset)"/>
    public static Envelope Create(Guid messageId, string contract, ReadOnlyMemory<byte> json, DateTimeOffset sentAt) =>
        Write(messageId, contract, UsualSize + json.Length, sentAt, writer => writer.WriteRawValue(json.Span, skipInputValidation: true));

    /// <summary>Reads an envelope written by the ingress, in one pass.</summary>
    /// <param name="content">The envelope: UTF-8 JSON.</param>
    /// <returns>Null for any other envelope: only MassTransit may understand its content.</returns>
    /// <exception cref="JsonException">The content is not JSON, or its message does not match its type.</exception>
    public static ReceivedEnvelope? Read(ReadOnlySpan<byte> content)
    {
        var reader = new Utf8JsonReader(content);
        Guid? messageId = null;
        string[]? messageType = null;
        object? message = null;
        for (reader.Read(); reader.Read() && reader.TokenType is JsonTokenType.PropertyName;)
        {
            if (reader.ValueTextEquals("messageId"u8))
            {
                messageId = JsonSerializer.Deserialize(ref reader, ContractJson.Default.Guid);
            }
            else if (reader.ValueTextEquals("messageType"u8))
            {
                messageType = JsonSerializer.Deserialize(ref reader, ContractJson.Default.StringArray);
            }
            else if (reader.ValueTextEquals("message"u8))
            {
                message = ReadMessage(ref reader, messageType);
            }
            else if (!reader.ValueTextEquals("sentTime"u8) || !reader.Read())
            {
                return null;
            }
        }

        return messageId is { } id && message is not null ? new ReceivedEnvelope(id, messageType![0], message) : null;
    }

    private static object? ReadMessage(ref Utf8JsonReader reader, string[]? messageType) => messageType switch
    {
        [$"urn:message:{Namespace}:{nameof(WebhookReceived)}"] => JsonSerializer.Deserialize(ref reader, ContractJson.Default.WebhookReceived),
        [$"urn:message:{Namespace}:{nameof(WebhookQuarantined)}"] => JsonSerializer.Deserialize(ref reader, ContractJson.Default.WebhookQuarantined),
        _ => null,
    };

    private static Envelope Create<T>(
        Guid messageId, string contract, T message, JsonTypeInfo<T> type, int bodyLength, DateTimeOffset sentAt) => Write(
        messageId, contract, UsualSize + Base64.GetMaxEncodedToUtf8Length(bodyLength), sentAt,
        writer => JsonSerializer.Serialize(writer, message, type));

    private static Envelope Write(Guid messageId, string contract, int size, DateTimeOffset sentAt, Action<Utf8JsonWriter> writeMessage)
    {
        var content = new ArrayBufferWriter<byte>(size);
        using var writer = new Utf8JsonWriter(content, new JsonWriterOptions { SkipValidation = true });
        writer.WriteStartObject();
        writer.WriteString("messageId"u8, messageId);
        writer.WriteStartArray("messageType"u8);
        writer.WriteStringValue($"urn:message:{Namespace}:{contract}");
        writer.WriteEndArray();
        writer.WritePropertyName("message"u8);
        writeMessage(writer);
        writer.WriteString("sentTime"u8, sentAt);
        writer.WriteEndObject();
        writer.Flush();
        return new Envelope(messageId, $"{Namespace}:{contract}", content.WrittenMemory);
    }
}

/// <summary>The result of <see cref="Envelope.Read"/>.</summary>
/// <param name="MessageId">The AMQP message id.</param>
/// <param name="MessageType">MassTransit's URN of the contract.</param>
/// <param name="Message">The contract.</param>
public sealed record ReceivedEnvelope(Guid MessageId, string MessageType, object Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WebhookReceived))]
[JsonSerializable(typeof(WebhookQuarantined))]
[JsonSerializable(typeof(PublishesConfirmed))]
[JsonSerializable(typeof(Guid))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ContractJson : JsonSerializerContext;
