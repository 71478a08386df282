using k8s.Models;

namespace Deploy.Tests;

/// <summary>
/// Pods that will run: the platform's, from their templates, and those that operators create, as far as their properties are documented.
/// </summary>
/// <param name="Template">Null for a pod of an operator.</param>
internal sealed record Pods(string Name, IDictionary<string, string> Labels, IReadOnlyList<PodPort> Ports, V1PodTemplateSpec? Template)
{
    public IEnumerable<V1Container> Containers => Template?.Spec.Containers ?? [];

    /// <summary>Whether it runs one of the two images built here.</summary>
    public bool RunServices => Containers.Any(container => IsImage(container, "ingress-api") || IsImage(container, "processor-worker"));

    public bool AreIngress => Containers.Any(container => IsImage(container, "ingress-api"));

    /// <summary>Instances of a database, which an operator creates.</summary>
    public bool AreDatabase => Template is null && Labels.ContainsKey("cnpg.io/cluster");

    public bool HavePort(string port) => HavePorts(port, port);

    /// <summary>Whether one of their ports covers a whole range.</summary>
    public bool HavePorts(string first, string last) => Ports.Any(known => known.Has(first) && known.Has(last));

    public static IReadOnlyList<Pods> From(Manifests manifests) =>
    [
        .. manifests.Of<V1Deployment>().Select(deployment => From(deployment.Metadata.Name, deployment.Spec.Template)),
        .. manifests.Of<V1Job>().Select(job => From(job.Metadata.Name, job.Spec.Template)),
        .. manifests.Of<V1CronJob>().Select(job => From(job.Metadata.Name, job.Spec.JobTemplate.Spec.Template)),
        // From the operator's source: internal/metadata/label.go and internal/resource/statefulset.go of release 2.22.3.
        .. manifests.Of("RabbitmqCluster").Select(cluster => new Pods(
            cluster.NameOf(),
            new Dictionary<string, string>
            {
                ["app.kubernetes.io/name"] = cluster.NameOf(),
                ["app.kubernetes.io/component"] = "rabbitmq",
                ["app.kubernetes.io/part-of"] = "rabbitmq",
            },
            [new(null, 4369), new("amqps", 5671), new("management-tls", 15671), new("prometheus-tls", 15691), new(null, 25672), new(null, 35672) { Last = 35682 }],
            Template: null)),
        // From the operator's documentation: labels_annotations.md and networking.md of release 1.30.
        .. manifests.Of("Cluster").Select(cluster => new Pods(
            cluster.NameOf(),
            new Dictionary<string, string>
            {
                ["app.kubernetes.io/name"] = "postgresql",
                ["cnpg.io/cluster"] = cluster.NameOf(),
            },
            [new("postgresql", 5432), new("status", 8000), new("metrics", 9187)],
            Template: null)),
    ];

    private static Pods From(string name, V1PodTemplateSpec template) => new(
        name,
        template.Metadata.Labels,
        [.. template.Spec.Containers.SelectMany(container => container.Ports ?? []).Select(port => new PodPort(port.Name, port.ContainerPort))],
        template);

    private static bool IsImage(V1Container container, string name) => container.Image.Split('/')[^1].Split(':', '@')[0] == name;
}

internal sealed record PodPort(string? Name, int Number)
{
    /// <summary>Greater than <see cref="Number"/> for a range.</summary>
    public int Last { get; init; } = Number;

    /// <summary>Whether it has this name or number.</summary>
    public bool Has(string port) => Name == port || int.TryParse(port, out var number) && Number <= number && number <= Last;
}

internal static class Selectors
{
    /// <summary>Whether a selector matches pods with these labels; one without terms matches all.</summary>
    public static bool Matches(this V1LabelSelector selector, IDictionary<string, string> labels) =>
        (selector.MatchLabels ?? new Dictionary<string, string>()).Matches(labels)
        && (selector.MatchExpressions ?? []).All(term => term.OperatorProperty == "In"
            ? labels.TryGetValue(term.Key, out var value) && term.Values.Contains(value)
            : throw new NotSupportedException(term.OperatorProperty));

    public static bool Matches(this IDictionary<string, string> terms, IDictionary<string, string> labels) =>
        terms.All(term => labels.TryGetValue(term.Key, out var value) && value == term.Value);

    public static string Show(this V1LabelSelector selector) => string.Join(
        ", ",
        (selector.MatchLabels ?? new Dictionary<string, string>()).Select(term => $"{term.Key}={term.Value}")
            .Concat((selector.MatchExpressions ?? []).Select(term => $"{term.Key} in {string.Join('/', term.Values)}")));
}
