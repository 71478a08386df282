using System.Text.Json.Nodes;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>Selectors match pods that will run, and no others.</summary>
internal static class SelectorChecks
{
    public static IEnumerable<string> Deployments(Manifests manifests)
    {
        var pods = Pods.From(manifests);
        foreach (var deployment in manifests.Of<V1Deployment>())
        {
            var (name, selector, template) = (deployment.Metadata.Name, deployment.Spec.Selector, deployment.Spec.Template);
            if (!pods.Where(pod => selector.Matches(pod.Labels)).Select(pod => pod.Name).SequenceEqual([name]))
            {
                yield return $"{name} selects {selector.Show()}, which is not its own pods alone";
            }

            if ((template.Spec.TopologySpreadConstraints ?? []).Any(spread => !spread.LabelSelector.Matches(template.Metadata.Labels)))
            {
                yield return $"{name} is spread by labels that its pods do not have";
            }

            if (pods.Any(pod => pod.Name == name && pod.RunServices) && (template.Spec.TopologySpreadConstraints ?? []).Count < 2)
            {
                yield return $"{name} is not spread over zones and nodes";
            }
        }
    }

    public static IEnumerable<string> DisruptionBudgets(Manifests manifests)
    {
        var pods = Pods.From(manifests);
        foreach (var budget in manifests.Of<V1PodDisruptionBudget>())
        {
            if (pods.Count(pod => budget.Spec.Selector.Matches(pod.Labels)) != 1)
            {
                yield return $"the PodDisruptionBudget {budget.Metadata.Name} selects {budget.Spec.Selector.Show()}, which is not one workload";
            }
        }

        // CloudNativePG creates its own.
        var needing = manifests.Of<V1Deployment>().Select(deployment => deployment.Metadata.Name)
            .Where(name => pods.Single(pod => pod.Name == name).RunServices)
            .Concat(manifests.Of("RabbitmqCluster").Select(cluster => cluster.NameOf()));
        foreach (var name in needing)
        {
            var labels = pods.Single(pod => pod.Name == name).Labels;
            if (!manifests.Of<V1PodDisruptionBudget>().Any(budget => budget.Spec.Selector.Matches(labels)))
            {
                yield return $"{name} has no PodDisruptionBudget";
            }
        }
    }

    /// <summary>A node need not report its zone, and a cluster need not have three: a pod that requires one would never start.</summary>
    public static IEnumerable<string> Spread(Manifests manifests) =>
        from spread in manifests.Of<V1Deployment>()
            .SelectMany(deployment => (deployment.Spec.Template.Spec.TopologySpreadConstraints ?? []).Select(spread => (deployment.Metadata.Name, spread.TopologyKey, spread.WhenUnsatisfiable)))
            .Concat(manifests.Of("RabbitmqCluster").Concat(manifests.Of("Cluster")).SelectMany(cluster => cluster.List("spec.topologySpreadConstraints")
                .Concat(cluster.List("spec.override.statefulSet.spec.template.spec.topologySpreadConstraints"))
                .Select(spread => (Name: cluster.NameOf(), TopologyKey: $"{spread["topologyKey"]}", WhenUnsatisfiable: $"{spread["whenUnsatisfiable"]}"))))
        where spread is { TopologyKey: "topology.kubernetes.io/zone", WhenUnsatisfiable: not "ScheduleAnyway" }
        select $"a pod of {spread.Name} is not started where there is no zone for it";

    public static IEnumerable<string> Services(Manifests manifests)
    {
        foreach (var service in manifests.Of<V1Service>())
        {
            var behind = Pods.From(manifests).Where(pods => service.Spec.Selector.Matches(pods.Labels)).ToArray();
            if (behind.Length != 1 || service.Spec.Ports.Any(port => !behind[0].HavePort(port.TargetPort.ToString())))
            {
                yield return $"the Service {service.Metadata.Name} leads to no port of one workload";
            }
        }

        var ports = manifests.Of<V1Service>().SelectMany(service => service.Spec.Ports.Select(port => (service.Metadata.Name, port.Name))).ToHashSet();
        foreach (var path in manifests.Of<V1Ingress>().SelectMany(ingress => ingress.Spec.Rules).SelectMany(rule => rule.Http.Paths))
        {
            if (!ports.Contains((path.Backend.Service.Name, path.Backend.Service.Port.Name)))
            {
                yield return $"{path.Path} leads to {path.Backend.Service.Name}, which has no such port";
            }
        }
    }

    /// <summary>Only one object may set the replica count: a Deployment with an autoscaler must not.</summary>
    public static IEnumerable<string> Scalers(Manifests manifests)
    {
        var targets = manifests.Of<V2HorizontalPodAutoscaler>().Select(scaler => scaler.Spec.ScaleTargetRef.Name)
            .Concat(manifests.Of("ScaledObject").Select(scaler => $"{scaler.At("spec.scaleTargetRef.name")}"));
        foreach (var target in targets)
        {
            var deployment = manifests.Of<V1Deployment>().SingleOrDefault(deployment => deployment.Metadata.Name == target);
            if (deployment is not { Spec.Replicas: null })
            {
                yield return deployment is null ? $"there is no {target} to scale" : $"{target} is scaled and says its replicas too";
            }
        }

        foreach (var scaler in manifests.Of("ScaledObject"))
        {
            foreach (var fault in FindScalerFaults(scaler))
            {
                yield return $"the ScaledObject {scaler.NameOf()} {fault}";
            }
        }
    }

    private static IEnumerable<string> FindScalerFaults(JsonObject scaler)
    {
        if ((int?)scaler.At("spec.minReplicaCount") is not >= 2 || scaler.At("spec.fallback") is null)
        {
            yield return "may go below two, or has no fallback";
        }

        foreach (var metadata in scaler.List("spec.triggers").Select(trigger => trigger["metadata"]!.AsObject()))
        {
            if ($"{metadata["protocol"]}" != "http" || $"{metadata["queueName"]}" != Platform.Contracts.Topology.WebhookReceivedQueue)
            {
                yield return $"looks at {metadata["queueName"]} by {metadata["protocol"]}";
            }
        }
    }
}
