using System.Text.Json.Nodes;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>
/// Objects that the webhooks of RabbitMQ's two operators reject, from <c>internal/webhook/v1beta1</c>
/// of the messaging topology operator 1.20.1 and the cluster operator 2.22.3. Changes that they
/// reject later (names, references, virtual hosts) are not visible in one set of manifests.
/// </summary>
internal static class BrokerAdmissionChecks
{
    /// <summary>The topology operator sees only Secrets with this label; since 1.20.0 it rejects an object that names any other.</summary>
    private const string Label = "rabbitmq.com/topology-operator";

    public static IEnumerable<string> Topology(Manifests manifests)
    {
        var all = new[] { "Vhost", "User", "Permission" }.SelectMany(manifests.Of).ToArray();
        return
        [
            .. from resource in all
               from secret in SecretsOf(resource)
               where !IsLabelled(manifests, secret)
               select $"{resource["kind"]} {resource.NameOf()} names the Secret {secret}, which does not exist with the label {Label}: \"true\"",
            .. from resource in all
               where !IsOneOf(resource, "spec.rabbitmqClusterReference.name", "spec.rabbitmqClusterReference.connectionSecret")
               select $"{resource["kind"]} {resource.NameOf()} needs the name of a cluster or a connectionSecret, and not both",
            .. from permission in manifests.Of("Permission")
               where !IsOneOf(permission, "spec.user", "spec.userReference")
               select $"the Permission {permission.NameOf()} needs a user or a userReference, and not both",
        ];
    }

    /// <summary>Pod overrides are allowed, but not access to the host.</summary>
    public static IEnumerable<string> Cluster(Manifests manifests) =>
        from cluster in manifests.Of("RabbitmqCluster")
        let pod = cluster.At("spec.override.statefulSet.spec.template.spec")
        from fault in Rules.FindBroken(
        [
            (new[] { "hostPID", "hostNetwork", "hostIPC" }.All(name => !IsTrue(pod?[name])), "uses the namespaces of the machine"),
            (pod?["serviceAccountName"] is null, "has a service account of its own"),
            (pod.List("volumes").All(volume => volume["hostPath"] is null), "mounts files of the machine"),
            (pod.List("containers").Concat(pod.List("initContainers")).All(MayBeChangedTo), "has a container with privileges"),
        ])
        select $"the RabbitmqCluster {cluster.NameOf()} {fault}";

    private static IEnumerable<string> SecretsOf(JsonObject resource) =>
        new[] { resource.At("spec.importCredentialsSecret.name"), resource.At("spec.rabbitmqClusterReference.connectionSecret.name") }
            .OfType<JsonNode>().Select(name => $"{name}");

    private static bool IsLabelled(Manifests manifests, string secret) =>
        manifests.Of<V1Secret>().Any(one => one.Metadata.Name == secret && one.Metadata.Labels?.Contains(KeyValuePair.Create(Label, "true")) == true)
        || manifests.Of("ExternalSecret").Any(one => one.NameOf() == secret && $"{one.At("spec.target.template.metadata.labels")?[Label]}" == "true");

    private static bool IsOneOf(JsonObject resource, string one, string other) => resource.At(one) is null != resource.At(other) is null;

    private static bool MayBeChangedTo(JsonObject container)
    {
        var security = container["securityContext"];
        return !IsTrue(security?["privileged"]) && !IsTrue(security?["allowPrivilegeEscalation"])
            && $"{security?["runAsUser"]}" != "0" && (bool?)security?["runAsNonRoot"] != false && security.At("capabilities.add") is null;
    }

    private static bool IsTrue(JsonNode? value) => (bool?)value == true;
}
