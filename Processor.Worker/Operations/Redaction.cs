using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Processor.Worker.Operations;

/// <summary>
/// Removes what opens a file or identifies a person: the query of every URL, its user, and the part of an address before the @. Answers to keys
/// without the right <c>raw</c> pass through here.
/// </summary>
internal static partial class Redaction
{
    private const string Mark = "[redacted]";

    public static string? Text(string? text) =>
        text is null ? null : Address().Replace(UrlQuery().Replace(UrlUser().Replace(text, $"$1{Mark}@"), $"$1{Mark}"), $"{Mark}@$1");

    /// <summary>The JSON of a body with its text redacted; null when it is not JSON.</summary>
    public static JsonNode? Json(ReadOnlySpan<byte> body)
    {
        try
        {
            return Visit(JsonNode.Parse(body));
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or DecoderFallbackException or InvalidOperationException)
        {
            // Also duplicate members and lone surrogates, which a reader of text accepts.
            return null;
        }
    }

    private static JsonNode? Visit(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                return new JsonObject(members.Select(member => KeyValuePair.Create(Text(member.Key)!, Visit(member.Value))));
            case JsonArray items:
                return new JsonArray([.. items.Select(Visit)]);
            case JsonValue value when value.GetValueKind() is JsonValueKind.String:
                return JsonValue.Create(Text(value.GetValue<string>()));
            default:
                return node?.DeepClone();
        }
    }

    // Up to the first character that cannot be part of a URL.
    [GeneratedRegex("""([a-z][a-z0-9+.-]*://[^\s?#"<>]*[?#])[^\s"<>]*""", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex UrlQuery();

    [GeneratedRegex("""([a-z][a-z0-9+.-]*://)[^\s/?#"<>]*@""", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex UrlUser();

    [GeneratedRegex("""[^\s@"<>,;:()\[\]]+@([^\s@"<>,;:()]+)""", RegexOptions.NonBacktracking)]
    private static partial Regex Address();
}
