using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Deploy.Tests;

/// <summary>Names, labels and annotations that the API server accepts for any object.</summary>
internal static partial class Metadata
{
    public const int LabelLength = 63;

    private const int NameLength = 253;

    public static IEnumerable<string> FindFaults(JsonObject resource)
    {
        var name = resource.NameOf();
        if (!Name().IsMatch(name) || name.Length > NameLength)
        {
            yield return $"'{name}' is no name";
        }

        foreach (var (key, value) in MapsOf(resource, "labels").Concat(MapsOf(resource, "annotations")))
        {
            if (value?.GetValueKind() != JsonValueKind.String)
            {
                yield return $"the value of {key} is {value?.ToJsonString() ?? "empty"}, and no string";
            }
        }

        foreach (var (key, value) in MapsOf(resource, "labels").Where(label => $"{label.Value}".Length > LabelLength || !LabelValue().IsMatch($"{label.Value}")))
        {
            yield return $"the label {key} cannot have the value '{value}'";
        }
    }

    /// <summary>The metadata of the object, and of the pods or Secrets created from it.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode?>> MapsOf(JsonObject resource, string kind) =>
        new[] { "metadata", "spec.template.metadata", "spec.jobTemplate.spec.template.metadata", "spec.target.template.metadata" }
            .SelectMany(path => resource.At($"{path}.{kind}")?.AsObject() ?? []);

    // A DNS subdomain, as most kinds require.
    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Name();

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();
}
