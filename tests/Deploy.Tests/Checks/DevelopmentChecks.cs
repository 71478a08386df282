using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>Overlays in which the broker and the database are pods of their own, on a cluster of one machine.</summary>
internal static class DevelopmentChecks
{
    private const int Workers = 4;

    /// <summary>
    /// Two CPUs and 6 GB, minus the requests of kubeadm, kind's network and metrics-server: 950m and 290Mi; 100m and 200Mi.
    /// </summary>
    private const decimal Cpu = 2 - 0.95m - 0.1m;

    private const decimal Memory = 6m * (1 << 30) - 490m * (1 << 20);

    private static readonly Dictionary<string, string> DataFolders = new() { ["rabbitmq"] = "/var/lib/rabbitmq", ["postgres"] = "/var/lib/postgresql/data" };

    /// <summary>
    /// A new pod continues with the data of the old one: the migration is not repeated, so nothing would declare queues and tables again.
    /// Two pods never use the same data.
    /// </summary>
    public static IEnumerable<string> Data(Manifests manifests) =>
        from deployment in manifests.Of<V1Deployment>()
        from container in deployment.Spec.Template.Spec.Containers
        where DataFolders.ContainsKey(container.Name)
        let volume = container.VolumeMounts.SingleOrDefault(mount => mount.MountPath == DataFolders[container.Name])?.Name
        let claim = deployment.Spec.Template.Spec.Volumes.SingleOrDefault(candidate => candidate.Name == volume)?.PersistentVolumeClaim?.ClaimName
        where deployment.Spec.Strategy?.Type != "Recreate" || !manifests.Of<V1PersistentVolumeClaim>().Any(one => one.Metadata.Name == claim)
        select $"a new pod of {deployment.Metadata.Name} starts empty, or beside the old one";

    /// <summary>With four consumers, the maximum number of ingress replicas, and a rollout of everything at once.</summary>
    public static IEnumerable<string> Fits(Manifests manifests)
    {
        if (manifests.Of("RabbitmqCluster").Any())
        {
            return [];
        }

        var pods = manifests.Of<V1Deployment>().Select(deployment => (deployment.Spec.Template, Count: PodsOf(manifests, deployment)))
            .Concat(manifests.Of<V1Job>().Select(job => (job.Spec.Template, Count: 1))).ToArray();
        var (cpu, memory) = (Sum("cpu"), Sum("memory"));
        return cpu > Cpu || memory > Memory ? [$"{Workers} workers and the rest request {cpu} CPUs and {memory:N0} bytes, and there are {Cpu} and {Memory:N0}"] : [];

        decimal Sum(string resource) => pods.Sum(pod => pod.Count * pod.Template.Spec.Containers.Sum(container => container.Resources.Requests[resource].ToDecimal()));
    }

    private static int PodsOf(Manifests manifests, V1Deployment deployment)
    {
        var name = deployment.Metadata.Name;
        var scaled = manifests.Of<V2HorizontalPodAutoscaler>().SingleOrDefault(scaler => scaler.Spec.ScaleTargetRef.Name == name)?.Spec.MaxReplicas;
        var surge = deployment.Spec.Strategy?.RollingUpdate?.MaxSurge is { } most ? int.Parse($"{most}", null) : 0;
        var pods = name == "processor-worker-consume" ? Workers : scaled ?? deployment.Spec.Replicas ?? 1;
        return pods == 0 ? 0 : surge + pods;
    }
}
