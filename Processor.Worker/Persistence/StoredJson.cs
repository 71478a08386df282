using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Processor.Worker.Persistence;

/// <summary>JSON in a column that only the worker writes.</summary>
internal static class StoredJson
{
    /// <inheritdoc cref="Read{T}(ReadOnlySpan{byte}, JsonTypeInfo{T}, string)"/>
    public static T? Read<T>(string json, JsonTypeInfo<T> type, string what) => Read(Encoding.UTF8.GetBytes(json), type, what);

    /// <param name="json">The content; as bytes, UTF-8.</param>
    /// <param name="what">A description of the content, for the log.</param>
    /// <exception cref="NewerVersionException">The content is not in the format of this version.</exception>
    public static T? Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException exception)
        {
            throw new NewerVersionException(what, exception);
        }
    }
}
