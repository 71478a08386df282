using System.Text.Json.Nodes;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>
/// Acknowledged events must survive the loss of any node, in overlays whose broker and database are created by operators.
/// </summary>
internal static class DurabilityChecks
{
    private const int Nodes = 3;
    private const string Machine = "kubernetes.io/hostname";

    public static IEnumerable<string> Broker(Manifests manifests) =>
    [
        .. manifests.Of("RabbitmqCluster").SelectMany(FindBrokerFaults),
        .. from cluster in manifests.Of("RabbitmqCluster")
           from pods in Pods.From(manifests)
           where pods.Name.StartsWith("migrate", StringComparison.Ordinal)
           let nodes = SettingsChecks.SettingsOf(manifests, pods).GetValueOrDefault("Broker__ExpectedNodes")
           where nodes != $"{cluster.At("spec.replicas")}"
           select $"the migration is content with {nodes} nodes, and a queue has the replicas of its birth",
        .. manifests.Of("Vhost").Where(vhost => $"{vhost.At("spec.deletionPolicy")}" != "retain")
            .Select(vhost => $"the virtual host {vhost.NameOf()} goes with its object, and every event in it"),
    ];

    public static IEnumerable<string> Database(Manifests manifests) => manifests.Of("Cluster").SelectMany(FindDatabaseFaults);

    private static IEnumerable<string> FindBrokerFaults(JsonObject cluster)
    {
        if ((int?)cluster.At("spec.replicas") != Nodes)
        {
            yield return $"the broker has {cluster.At("spec.replicas")} nodes, of which no one may fail";
        }

        if (!$"{cluster.At("spec.rabbitmq.additionalConfig")}".Contains("cluster_partition_handling = pause_minority", StringComparison.Ordinal))
        {
            yield return "a node of the broker goes on when it is cut off from the others";
        }

        if (!cluster.List("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution").Any(apart => $"{apart["topologyKey"]}" == Machine))
        {
            yield return "two nodes of the broker may be on one machine";
        }
    }

    private static IEnumerable<string> FindDatabaseFaults(JsonObject cluster)
    {
        var synchronous = cluster.At("spec.postgresql.synchronous");
        if ((int?)cluster.At("spec.instances") < Nodes || (int?)synchronous.At("number") is not >= 1 || $"{synchronous.At("dataDurability")}" != "required")
        {
            yield return "a commit does not wait for another instance";
        }

        if ((bool?)synchronous.At("failoverQuorum") != true)
        {
            yield return "an instance without the last commits may be promoted";
        }

        if ($"{cluster.At("spec.affinity.podAntiAffinityType")}" != "required" || $"{cluster.At("spec.affinity.topologyKey")}" != Machine)
        {
            yield return "two instances of the database may be on one machine";
        }

        if (Gigabytes(cluster.At("spec.postgresql.parameters.max_slot_wal_keep_size")) is not { } kept || kept >= Gigabytes(cluster.At("spec.walStorage.size")))
        {
            yield return "what is kept for an unreachable standby may fill the disk of the primary";
        }
    }

    /// <summary>PostgreSQL's GB equals Kubernetes' Gi.</summary>
    private static decimal? Gigabytes(JsonNode? size) =>
        size is null ? null : new ResourceQuantity($"{size}".Replace("GB", "Gi", StringComparison.Ordinal)).ToDecimal() / (1 << 30);
}
