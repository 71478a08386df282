using System.Globalization;
using System.Text.Json.Nodes;

namespace Deploy.Tests;

/// <summary>
/// The rules of a schema beyond types: sizes, the keys that make list items unique, and
/// CEL rules (<c>x-kubernetes-validations</c>), each reimplemented here.
/// </summary>
internal static class SchemaRules
{
    private static readonly Dictionary<string, Func<JsonNode, bool>> Cel = new()
    {
        ["!(has(self.imageCatalogRef) && has(self.imageName))"] = self => !(Has(self, "imageCatalogRef") && Has(self, "imageName")),
        ["!has(self.builtinLocale) || self.localeProvider == 'builtin'"] = self => !Has(self, "builtinLocale") || Is(self, "localeProvider", "builtin"),
        ["!has(self.icuLocale) || self.localeProvider == 'icu'"] = self => !Has(self, "icuLocale") || Is(self, "localeProvider", "icu"),
        ["!has(self.icuRules) || self.localeProvider == 'icu'"] = self => !Has(self, "icuRules") || Is(self, "localeProvider", "icu"),
        ["self.kind == 'ImageCatalog' || self.kind == 'ClusterImageCatalog'"] = self => Is(self, "kind", "ImageCatalog") || Is(self, "kind", "ClusterImageCatalog"),
        ["self.apiGroup == 'postgresql.cnpg.io'"] = self => Is(self, "apiGroup", "postgresql.cnpg.io"),
        ["self > 0"] = self => (int)self > 0,
        ["self.dataDurability!='preferred' || ((!has(self.standbyNamesPre) || self.standbyNamesPre.size()==0) && (!has(self.standbyNamesPost) || self.standbyNamesPost.size()==0))"] =
            self => !Is(self, "dataDurability", "preferred") || Count(self, "standbyNamesPre") + Count(self, "standbyNamesPost") == 0,
        ["!has(self.secret) || !has(self.configMap)"] = self => !Has(self, "secret") || !Has(self, "configMap"),
        // A rule for changes, which a single state cannot break.
        ["self == oldSelf"] = _ => true,
        ["!has(self.minReplicaCount) || self.minReplicaCount <= (has(self.maxReplicaCount) ? self.maxReplicaCount : 100)"] =
            self => !Has(self, "minReplicaCount") || (int)self["minReplicaCount"]! <= ((int?)self["maxReplicaCount"] ?? 100),
        ["!self.contains('$(') && !self.contains('`')"] = self => !$"{self}".Contains("$(", StringComparison.Ordinal) && !$"{self}".Contains('`'),
        ["(has(self.tpp) ? 1 : 0) + (has(self.cloud) ? 1 : 0) + (has(self.ngts) ? 1 : 0) == 1"] =
            self => new[] { "tpp", "cloud", "ngts" }.Count(name => Has(self, name)) == 1,
    };

    public static bool Knows(string rule) => Cel.ContainsKey(rule);

    public static IEnumerable<string> FindFaults(JsonNode value, JsonObject schema, string place) =>
    [
        .. FindSizeFaults(value, schema, place),
        .. FindDoubles(value, schema, place),
        .. from rule in schema["x-kubernetes-validations"]?.AsArray() ?? []
           where !Cel[$"{rule!["rule"]}"](value)
           select $"{place}: {rule["message"] ?? rule["rule"]}",
    ];

    private static IEnumerable<string> FindSizeFaults(JsonNode value, JsonObject schema, string place)
    {
        var (size, suffix) = value switch
        {
            JsonObject map => (map.Count, "Properties"),
            JsonArray list => (list.Count, "Items"),
            _ => ($"{value}".Length, "Length"),
        };
        return size < (Number(schema[$"min{suffix}"]) ?? 0) || size > (Number(schema[$"max{suffix}"]) ?? int.MaxValue)
            ? [$"{place} is too short or too long"]
            : [];
    }

    /// <summary>Items of a map have keys, whose defaults are filled in first; items of a set are their own keys.</summary>
    private static IEnumerable<string> FindDoubles(JsonNode value, JsonObject schema, string place)
    {
        if (value is not JsonArray list || $"{schema["x-kubernetes-list-type"]}" is not ("map" or "set"))
        {
            return [];
        }

        var keys = (schema["x-kubernetes-list-map-keys"]?.AsArray() ?? []).Select(key => $"{key}").ToArray();
        return list
            .GroupBy(item => keys.Length == 0 ? item?.ToJsonString() : string.Join('/', keys.Select(key => $"{item![key] ?? schema["items"]!["properties"]![key]!["default"]}")))
            .Where(same => same.Count() > 1)
            .Select(same => $"{place} has '{same.Key}' twice");
    }

    private static bool Has(JsonNode self, string name) => self[name] is not null;

    private static bool Is(JsonNode self, string name, string value) => $"{self[name]}" == value;

    private static int Count(JsonNode self, string name) => (self[name] as JsonArray)?.Count ?? 0;

    private static int? Number(JsonNode? node) => node is null ? null : int.Parse($"{node}", CultureInfo.InvariantCulture);
}
