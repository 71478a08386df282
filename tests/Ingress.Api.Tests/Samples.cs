using System.Text.Json;

namespace Ingress.Api.Tests;

/// <summary>The sender's bodies, byte for byte, with signatures computed by Python and OpenSSL.</summary>
internal static class Samples
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Samples");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    public static IEnumerable<(string Label, string Secret, string Timestamp, byte[] Body, string Signature)> Vectors()
    {
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "signature-vectors.json")));
        foreach (var vector in vectors.RootElement.GetProperty("inline").EnumerateArray())
        {
            yield return (Text(vector, "label"), Text(vector, "secret"), Text(vector, "timestamp"),
                System.Text.Encoding.UTF8.GetBytes(Text(vector, "body")), Text(vector, "signature"));
        }

        var files = vectors.RootElement.GetProperty("sample_files");
        foreach (var vector in files.GetProperty("vectors").EnumerateArray())
        {
            yield return (Text(vector, "file"), Text(files, "secret"), Text(files, "timestamp"),
                Read(Path.GetFileName(Text(vector, "file"))), Text(vector, "signature"));
        }
    }

    private static string Text(JsonElement parent, string name) => parent.GetProperty(name).GetString()!;
}
