using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>
/// The structural schema of a custom resource definition, applied like an API server with strict field validation: an unknown field is an
/// error. <see cref="SchemaRules"/> checks sizes, keys and CEL rules.
/// </summary>
internal sealed class CustomResourceSchema
{
    private static readonly Dictionary<(string ApiVersion, string Kind), CustomResourceSchema> All = LoadAll();

    private readonly JsonObject _schema;

    private CustomResourceSchema(JsonObject schema) => _schema = schema;

    public static CustomResourceSchema? Find(string apiVersion, string kind) => All.GetValueOrDefault((apiVersion, kind));

    /// <summary>The schemas of every definition stored here.</summary>
    public static IEnumerable<JsonObject> Schemas => All.Values.Select(definition => definition._schema);

    /// <summary>Finds all errors, one line each, with their location.</summary>
    public IEnumerable<string> FindFaults(JsonObject resource) => FindFaults(resource, _schema, "");

    private static Dictionary<(string, string), CustomResourceSchema> LoadAll()
    {
        var schemas = new Dictionary<(string, string), CustomResourceSchema>();
        foreach (var file in Directory.GetFiles(Path.Combine(Machine.Root, "tests", "Deploy.Tests", "Crds"), "*.yaml"))
        {
            var definition = YamlText.Parse(YamlText.Split(File.ReadAllText(file)).Single())["spec"]!;
            foreach (var version in definition["versions"]!.AsArray())
            {
                var schema = version!["schema"]!["openAPIV3Schema"]!.AsObject();
                // The API server itself defines these.
                schema["properties"]!["metadata"]!["x-kubernetes-preserve-unknown-fields"] = true;
                schemas[($"{definition["group"]}/{version["name"]}", $"{definition["names"]!["kind"]}")] = new CustomResourceSchema(schema);
            }
        }

        return schemas;
    }

    private static IEnumerable<string> FindFaults(JsonNode? value, JsonObject schema, string place)
    {
        if (value is null)
        {
            return schema["nullable"] is not null ? [] : [$"{place} is empty"];
        }

        var faults = value switch
        {
            JsonObject map when Is(schema, "object") => FindFaults(map, schema, place),
            JsonArray list when Is(schema, "array") => list.SelectMany((item, i) => FindFaults(item, schema["items"]!.AsObject(), $"{place}[{i}]")),
            JsonValue scalar => FindFaults(scalar, schema, place),
            _ => [$"{place} is no {schema["type"]}"],
        };
        return faults.Concat(SchemaRules.FindFaults(value, schema, place));
    }

    private static IEnumerable<string> FindFaults(JsonObject map, JsonObject schema, string place)
    {
        var properties = schema["properties"]?.AsObject() ?? [];
        var others = schema["additionalProperties"] as JsonObject;
        var keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] is not null;
        foreach (var (name, value) in map)
        {
            var known = properties[name]?.AsObject() ?? others;
            var faults = known is not null ? FindFaults(value, known, $"{place}.{name}") : keepsUnknown ? [] : [$"{place}.{name} is unknown"];
            foreach (var fault in faults)
            {
                yield return fault;
            }
        }

        // Defaults are filled in before validation.
        foreach (var required in (schema["required"]?.AsArray() ?? []).Select(name => $"{name}"))
        {
            if (!map.ContainsKey(required) && properties[required]?["default"] is null)
            {
                yield return $"{place}.{required} is missing";
            }
        }
    }

    private static IEnumerable<string> FindFaults(JsonValue scalar, JsonObject schema, string place)
    {
        var kind = scalar.GetValueKind();
        var fits = kind switch
        {
            _ when schema["x-kubernetes-int-or-string"] is not null => kind is JsonValueKind.String or JsonValueKind.Number,
            JsonValueKind.String => Is(schema, "string"),
            JsonValueKind.Number => Is(schema, "number") || Is(schema, "integer") && scalar.ToString().All(c => char.IsDigit(c) || c == '-'),
            _ => Is(schema, "boolean"),
        };
        if (!fits)
        {
            yield return $"{place} is {scalar.ToJsonString()}, and no {schema["type"]}";
        }

        var text = scalar.ToString();
        if (schema["enum"] is JsonArray allowed && allowed.All(item => $"{item}" != text))
        {
            yield return $"{place} is '{text}', and none of {allowed.ToJsonString()}";
        }

        // The server uses Go's regular expressions; these patterns are simple enough to mean the same in .NET.
        if (kind is JsonValueKind.String && schema["pattern"] is { } pattern && !Regex.IsMatch(text, $"{pattern}", RegexOptions.None, TimeSpan.FromSeconds(1)))
        {
            yield return $"{place} is '{text}', and not of the form {pattern}";
        }

        if (kind is JsonValueKind.Number && IsOutside(double.Parse(text, CultureInfo.InvariantCulture), schema))
        {
            yield return $"{place} is {text}, and out of range";
        }
    }

    private static bool IsOutside(double number, JsonObject schema) =>
        number < (Number(schema["minimum"]) ?? double.MinValue) || number > (Number(schema["maximum"]) ?? double.MaxValue);

    private static double? Number(JsonNode? node) => node is null ? null : double.Parse($"{node}", CultureInfo.InvariantCulture);

    private static bool Is(JsonObject schema, string type) => $"{schema["type"]}" == type || schema["type"] is null && schema["x-kubernetes-preserve-unknown-fields"] is not null;
}
