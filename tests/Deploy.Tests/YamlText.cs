using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Serialization;

namespace Deploy.Tests;

/// <summary>YAML as text: its documents, and one of them as JSON.</summary>
internal static class YamlText
{
    private static readonly IDeserializer Deserializer = new DeserializerBuilder()
        .WithAttemptingUnquotedStringTypeDeserialization()
        .WithDuplicateKeyChecking()
        .Build();

    public static IEnumerable<string> Split(string stream) => stream
        .Split("\n---\n", StringSplitOptions.RemoveEmptyEntries)
        .Select(document => document.StartsWith("---\n", StringComparison.Ordinal) ? document[4..] : document)
        .Where(document => !string.IsNullOrWhiteSpace(document));

    /// <exception cref="YamlDotNet.Core.YamlException">It is not YAML, or contains a duplicate key.</exception>
    public static JsonObject Parse(string document) => (JsonObject)Convert(Deserializer.Deserialize<object>(document))!;

    private static JsonNode? Convert(object? value) => value switch
    {
        null => null,
        IDictionary<object, object> map => new JsonObject(map.Select(pair => KeyValuePair.Create((string)pair.Key, Convert(pair.Value)))),
        IEnumerable<object> list => new JsonArray([.. list.Select(Convert)]),
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        float or double => JsonValue.Create(System.Convert.ToDouble(value, CultureInfo.InvariantCulture)),
        long => JsonValue.Create((long)value),
        _ => JsonValue.Create(System.Convert.ToInt32(value, CultureInfo.InvariantCulture)),
    };
}
