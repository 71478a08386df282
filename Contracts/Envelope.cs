using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Platform.Contracts;

/// <summary>
/// A message as MassTransit has it on the wire, made without MassTransit: any of its consumers reads it. Publishing through it costs as
/// much as all the rest of an event.
/// </summary>
/// <param name="MessageId">The AMQP message id, and the key of the inbox.</param>
/// <param name="Exchange">Where it is published: each contract has an exchange of its own, which <c>migrate</c> declares.</param>
/// <param name="Content">UTF-8 JSON of the type <see cref="ContentType"/>.</param>
public sealed record Envelope(Guid MessageId, string Exchange, ReadOnlyMemory<byte> Content)
{
    /// <summary>The AMQP content type.</summary>
    public const string ContentType = "application/vnd.masstransit+json";

    /// <summary>The header in which the trace travels, in the form of the W3C's <c>traceparent</c>.</summary>
    public const string TraceHeader = "MT-Activity-Id";

    private const string Namespace = "Platform.Contracts";

    // Everything but the body: ids, names and times, with room to spare.
    private const int UsualSize = 1024;

    /// <summary>An event under its identity.</summary>
    /// <param name="sentAt">The time of publishing.</param>
    public static Envelope Of(WebhookReceived message, DateTimeOffset sentAt) =>
        Of(message.EventId, nameof(WebhookReceived), message, ContractJson.Default.WebhookReceived, message.Body.Length, sentAt);

    /// <summary>A body that is no usable event, under the identity of the body.</summary>
    /// <inheritdoc cref="Of(WebhookReceived, DateTimeOffset)"/>
    public static Envelope Of(WebhookQuarantined message, DateTimeOffset sentAt) => Of(
        EventIdentity.OfBody(message.BodySha256), nameof(WebhookQuarantined), message, ContractJson.Default.WebhookQuarantined,
        message.Body.Length, sentAt);

    /// <summary>A contract that is JSON already.</summary>
    /// <param name="contract">The name of its type.</param>
    /// <param name="json">The contract; not checked.</param>
    /// <inheritdoc cref="Of(WebhookReceived, DateTimeOffset)"/>
    public static Envelope Of(Guid messageId, string contract, string json, DateTimeOffset sentAt) =>
        Write(messageId, contract, UsualSize + json.Length, sentAt, writer => writer.WriteRawValue(json, skipInputValidation: true));

    /// <summary>The message in an envelope of the ingress, which is its own and read in one pass.</summary>
    /// <param name="content">The envelope: UTF-8 JSON.</param>
    /// <returns>Null for every other envelope: it may hold what only MassTransit understands.</returns>
    /// <exception cref="JsonException">It is no JSON, or its message is not what its type says.</exception>
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

    private static Envelope Of<T>(
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

/// <summary>What <see cref="Envelope.Read"/> has read.</summary>
/// <param name="MessageId">The AMQP message id.</param>
/// <param name="MessageType">MassTransit's URN of the contract.</param>
/// <param name="Message">The contract.</param>
public sealed record ReceivedEnvelope(Guid MessageId, string MessageType, object Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WebhookReceived))]
[JsonSerializable(typeof(WebhookQuarantined))]
[JsonSerializable(typeof(Guid))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ContractJson : JsonSerializerContext;
