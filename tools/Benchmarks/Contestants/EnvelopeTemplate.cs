using System.Text;
using System.Text.Json;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// A message that the ingress actually published, split where it differs between events. Rendering it produces the same bytes as the
/// ingress, whatever serializer the ingress uses.
/// </summary>
internal sealed class EnvelopeTemplate
{
    /// <summary>The variable parts, by path in the envelope.</summary>
    private static readonly Dictionary<string, Func<WebhookReceived, string>> Variables = new()
    {
        ["messageId"] = message => $"{message.EventId}",
        ["sentTime"] = message => $"{message.ReceivedAt:O}",
        ["message.eventId"] = message => $"{message.EventId}",
        ["message.eventType"] = message => message.EventType,
        ["message.jobId"] = message => message.JobId,
        ["message.deliveryId"] = message => $"{message.DeliveryId}",
        ["message.receivedAt"] = message => $"{message.ReceivedAt:O}",
        ["message.sentAt"] = message => $"{message.SentAt:O}",
        ["message.body"] = message => Convert.ToBase64String(message.Body.Span),
        ["message.bodySha256"] = message => message.BodySha256,
    };

    private readonly List<(byte[] Before, Func<WebhookReceived, string> Variable)> _parts = [];
    private readonly byte[] _rest;
    private readonly PublishedMessage _published;

    private EnvelopeTemplate(PublishedMessage published)
    {
        _published = published;
        var end = 0;
        foreach (var (start, length, variable) in FindVariables(published.Body))
        {
            _parts.Add((published.Body[end..start], variable));
            end = start + length;
        }

        _rest = published.Body[end..];
    }

    public static EnvelopeTemplate Load(string file) => new(JsonSerializer.Deserialize<PublishedMessage>(File.ReadAllText(file))!);

    /// <summary>Saves a message that the ingress published.</summary>
    public static EnvelopeTemplate Save(BasicGetResult message, string file)
    {
        var published = PublishedMessage.From(message);
        File.WriteAllText(file, JsonSerializer.Serialize(published));
        return new EnvelopeTemplate(published);
    }

    public byte[] Render(WebhookReceived message)
    {
        using var envelope = new MemoryStream(_published.Body.Length * 2);
        foreach (var (before, variable) in _parts)
        {
            envelope.Write(before);
            envelope.Write(Encoding.UTF8.GetBytes(variable(message)));
        }

        envelope.Write(_rest);
        return envelope.ToArray();
    }

    /// <summary>The message properties that the ingress sets.</summary>
    public BasicProperties Properties(WebhookReceived message) => new()
    {
        MessageId = $"{message.EventId}",
        ContentType = _published.ContentType,
        DeliveryMode = DeliveryModes.Persistent,
        Headers = _published.Headers.ToDictionary(header => header.Key, header => (object?)header.Value),
    };

    private static List<(int Start, int Length, Func<WebhookReceived, string> Variable)> FindVariables(byte[] envelope)
    {
        var found = new List<(int, int, Func<WebhookReceived, string>)>();
        var path = new Stack<string>();
        var name = "";
        var reader = new Utf8JsonReader(envelope);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = path.TryPeek(out var parent) && parent.Length > 0 ? $"{parent}.{reader.GetString()}" : reader.GetString()!;
                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    path.Push(name);
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    path.Pop();
                    break;
                case JsonTokenType.String when Variables.TryGetValue(name, out var variable):
                    // The value between the quotes.
                    found.Add(((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length, variable));
                    break;
            }
        }

        return found;
    }
}

/// <summary>A message as read from the queue.</summary>
internal sealed record PublishedMessage(byte[] Body, string? ContentType, IReadOnlyDictionary<string, string> Headers)
{
    public static PublishedMessage From(BasicGetResult message) => new(
        message.Body.ToArray(),
        message.BasicProperties.ContentType,
        (message.BasicProperties.Headers ?? new Dictionary<string, object?>())
            .Where(header => header.Value is byte[])
            .ToDictionary(header => header.Key, header => Encoding.UTF8.GetString((byte[])header.Value!)));
}
