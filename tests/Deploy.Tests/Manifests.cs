using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Deploy.Tests;

/// <summary>
/// The objects applied to a cluster, parsed as strictly as possible without one: core
/// kinds by Kubernetes' own typed models, custom resources by their schemas.
/// </summary>
internal sealed class Manifests
{
    private static readonly Dictionary<string, Func<string, object>> CoreKinds = new()
    {
        ["v1/ConfigMap"] = Read<V1ConfigMap>,
        ["v1/Namespace"] = Read<V1Namespace>,
        ["v1/PersistentVolumeClaim"] = Read<V1PersistentVolumeClaim>,
        ["v1/Secret"] = Read<V1Secret>,
        ["v1/Service"] = Read<V1Service>,
        ["apps/v1/Deployment"] = Read<V1Deployment>,
        ["autoscaling/v2/HorizontalPodAutoscaler"] = Read<V2HorizontalPodAutoscaler>,
        ["batch/v1/CronJob"] = Read<V1CronJob>,
        ["batch/v1/Job"] = Read<V1Job>,
        ["networking.k8s.io/v1/Ingress"] = Read<V1Ingress>,
        ["networking.k8s.io/v1/NetworkPolicy"] = Read<V1NetworkPolicy>,
        ["policy/v1/PodDisruptionBudget"] = Read<V1PodDisruptionBudget>,
    };

    private readonly List<object> _core = [];
    private readonly List<JsonObject> _custom = [];

    private Manifests()
    {
    }

    /// <summary>Parse errors, including unknown fields.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>The name of every object with its kind.</summary>
    public List<string> Names { get; } = [];

    public static Manifests Parse(string stream)
    {
        var manifests = new Manifests();
        foreach (var document in YamlText.Split(stream))
        {
            manifests.Add(document);
        }

        return manifests;
    }

    /// <summary>The objects of a core kind.</summary>
    public IEnumerable<T> Of<T>() => _core.OfType<T>();

    /// <summary>The objects of a custom kind.</summary>
    public IEnumerable<JsonObject> Of(string kind) => _custom.Where(resource => $"{resource["kind"]}" == kind);

    private static object Read<T>(string yaml) => KubernetesYaml.Deserialize<T>(yaml, strict: true)!;

    private void Add(string document)
    {
        try
        {
            var resource = YamlText.Parse(document);
            var (apiVersion, kind) = ($"{resource["apiVersion"]}", $"{resource["kind"]}");
            var name = $"{kind}/{resource.NameOf()}";
            Faults.AddRange(Names.Contains(name) ? [$"{name} is there twice"] : []);
            Names.Add(name);
            Faults.AddRange(Metadata.FindFaults(resource).Select(fault => $"{name}: {fault}"));
            if (CoreKinds.TryGetValue($"{apiVersion}/{kind}", out var read))
            {
                _core.Add(read(document));
            }
            else if (CustomResourceSchema.Find(apiVersion, kind) is { } schema)
            {
                _custom.Add(resource);
                Faults.AddRange(schema.FindFaults(resource).Select(fault => $"{name}: {fault}"));
            }
            else
            {
                Faults.Add($"{name}: there is no {apiVersion} {kind}");
            }
        }
        // Any exception from the parsers is an error of the manifest.
        catch (Exception exception)
        {
            Faults.Add($"{document.Split('\n', 2)[0]}: {exception.InnerException?.Message ?? exception.Message}\n{document}");
        }
    }
}

internal static class CustomResources
{
    public static string NameOf(this JsonObject resource) => $"{resource["metadata"]?["name"]}";

    /// <summary>The node at the end of a path such as <c>spec.tls.secretName</c>.</summary>
    public static JsonNode? At(this JsonNode? node, string path) => path.Split('.').Aggregate(node, (at, name) => at?[name]);

    public static IEnumerable<JsonObject> List(this JsonNode? node, string path) =>
        (node.At(path) as JsonArray ?? []).OfType<JsonObject>();
}
