using System.Text.Json;
using System.Text.Json.Nodes;

namespace Platform.Simulator.Api;

/// <summary>What <c>POST /v1/{tool}</c> asks for, as far as it shows in the project.</summary>
/// <param name="HasName">The caller named the job, possibly null.</param>
/// <param name="Results">Number of results: <c>image_count</c> of images, otherwise 1.</param>
internal sealed record CreateRequest(Tool Tool, bool HasName, string? Name, int Results)
{
    private const int MostImages = 16;

    /// <summary>Reads a body: a JSON object, or nothing.</summary>
    /// <returns>Null when the body is neither.</returns>
    public static async Task<CreateRequest?> ReadAsync(Tool tool, Stream body, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancellationToken);
        try
        {
            return bytes.Length == 0 ? new CreateRequest(tool, HasName: false, Name: null, Results: 1) : Parse(tool, bytes.ToArray());
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static CreateRequest? Parse(Tool tool, byte[] body)
    {
        if (JsonNode.Parse(body) is not JsonObject root)
        {
            return null;
        }

        var results = tool.Kind == "image" ? root["image_count"]?.GetValue<int>() ?? 1 : 1;
        return results is < 1 or > MostImages
            ? null
            : new CreateRequest(tool, root.TryGetPropertyValue("name", out var name), name?.GetValue<string>(), results);
    }
}
