using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;
using Npgsql;
using Platform.ServiceDefaults.Broker;

namespace Deploy.Tests.Checks;

/// <summary>Settings on which broker, database and workers must agree.</summary>
internal static partial class PlatformChecks
{
    /// <summary>Connections reserved for the operator, monitoring and a person.</summary>
    private const int SpareConnections = 20;

    /// <summary>
    /// Each pod with a full pool, at the worst moment: all pods of the new version run, and all of
    /// the old one are still stopping. The pods of a role fit its limit. The limits, two migrations
    /// (the new version's, and an earlier one that is still retried) and a reserve fit the server.
    /// </summary>
    public static IEnumerable<string> Connections(Manifests manifests)
    {
        foreach (var cluster in manifests.Of("Cluster"))
        {
            var most = int.Parse($"{cluster.At("spec.postgresql.parameters.max_connections")}", CultureInfo.InvariantCulture);
            var limits = cluster.List("spec.managed.roles").ToDictionary(role => $"{role["name"]}", role => (int)role["connectionLimit"]!);
            var migrations = manifests.Of<V1Job>().Sum(job => 2 * PoolOf(manifests, job.Metadata.Name));
            foreach (var role in manifests.Of<V1Deployment>().Where(deployment => PoolOf(manifests, deployment.Metadata.Name) > 0)
                .GroupBy(deployment => DatabaseOf(manifests, deployment.Metadata.Name)!.Username!))
            {
                var needed = role.Sum(deployment => PodsAtWorst(manifests, deployment) * (PoolOf(manifests, deployment.Metadata.Name) + UnpooledOf(deployment)));
                if (needed > limits.GetValueOrDefault(role.Key))
                {
                    yield return $"workers may open {needed} connections as {role.Key}, whose limit is {limits.GetValueOrDefault(role.Key)}";
                }
            }

            if (limits.Values.Sum() + migrations + SpareConnections > most)
            {
                yield return $"{limits.Values.Sum()} connections of workers, {migrations} of migrations and {SpareConnections} to spare do not fit into {most}";
            }
        }
    }

    /// <summary>
    /// With operators, all connections are encrypted, to an existing host, with a
    /// certificate for its name from the authority trusted for it.
    /// </summary>
    public static IEnumerable<string> Addresses(Manifests manifests)
    {
        var isEncrypted = manifests.Of("RabbitmqCluster").Any();
        var certified = manifests.Of("Certificate").SelectMany(certificate => certificate.At("spec.dnsNames")?.AsArray() ?? []).Select(name => $"{name}").ToHashSet();
        var hosts = manifests.Of<V1Service>().Select(service => service.Metadata.Name)
            .Concat(manifests.Of("RabbitmqCluster").Select(cluster => $"{cluster.NameOf()}.webhook-platform.svc"))
            .Concat(manifests.Of("Cluster").Select(cluster => $"{cluster.NameOf()}-rw.webhook-platform.svc"))
            .ToHashSet();
        return
        [
            .. from pods in Pods.From(manifests)
               where pods.RunServices
               let broker = BrokerAddress.Parse(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__RabbitMq"])
               where broker.UseTls != isEncrypted || broker.Nodes.Any(node => !hosts.Contains(node.Host) || isEncrypted && !certified.Contains(node.Host))
               select $"{pods.Name} calls the broker at {broker}, {(broker.UseTls ? "with" : "without")} TLS",
            .. from pods in Pods.From(manifests)
               let database = DatabaseOf(manifests, pods)
               where database is not null && (!hosts.Contains(database.Host!) || isEncrypted != (database.SslMode is SslMode.VerifyFull))
               select $"{pods.Name} calls the database at {database.Host} with SSL Mode={database.SslMode}",
            .. from pods in Pods.From(manifests)
               where pods.RunServices && isEncrypted
               let authorities = SettingsChecks.SettingsOf(manifests, pods).GetValueOrDefault("Broker__CertificateAuthorities")
               where authorities is null || !SettingsChecks.FilesOf(pods).Contains(new MountedFile(authorities, "broker-tls", "ca.crt"))
               select $"{pods.Name} trusts the broker by '{authorities}', which is not the authority of its certificate",
            .. from trigger in manifests.Of("ScaledObject").SelectMany(scaler => scaler.List("spec.triggers"))
               let url = new Uri($"{trigger.At("metadata.host")}")
               where url.Scheme != "https" || !certified.Contains(url.Host)
               select $"KEDA calls the broker at {url}",
        ];
    }

    /// <summary>
    /// The Job's name includes the tag of its image, because the template of a Job cannot
    /// change. The pod of a failed attempt stays, with its log.
    /// </summary>
    public static IEnumerable<string> Migration(Manifests manifests) =>
        from job in manifests.Of<V1Job>()
        let tag = job.Spec.Template.Spec.Containers[0].Image.Split('@')[0].Split(':')[^1]
        where job.Metadata.Name != $"migrate-{tag}" || job.Spec.Template.Spec.RestartPolicy != "Never"
        select $"the migration of {tag} is called {job.Metadata.Name}, and restarted {job.Spec.Template.Spec.RestartPolicy}";

    /// <summary>
    /// In production images are pinned by digest, except RabbitMQ's: the operator identifies its default by release only.
    /// </summary>
    public static IEnumerable<string> Images(Manifests manifests)
    {
        var isProduction = manifests.Of("RabbitmqCluster").Any();
        var ours = Pods.From(manifests).SelectMany(pods => pods.Containers).Select(container => container.Image);
        var images = ours.Concat(manifests.Of("Cluster").Select(cluster => $"{cluster.At("spec.imageName")}"))
            .Select(image => (image, isFixed: isProduction ? Digest().IsMatch(image) : image.Contains(':') && !image.EndsWith(":latest", StringComparison.Ordinal)))
            .Concat(manifests.Of("RabbitmqCluster").Select(cluster => $"{cluster.At("spec.image")}").Select(image => (image, isFixed: Release().IsMatch(image))));
        return images.Where(image => !image.isFixed).Select(image => $"{image.image} is whatever it is on the day");
    }

    // A surge as a percentage, Kubernetes' own default, may double the number of pods.
    private static int PodsAtWorst(Manifests manifests, V1Deployment deployment)
    {
        var replicas = (int?)manifests.Of("ScaledObject").SingleOrDefault(scaler => $"{scaler.At("spec.scaleTargetRef.name")}" == deployment.Metadata.Name).At("spec.maxReplicaCount")
            ?? deployment.Spec.Replicas ?? 1;
        var surge = int.TryParse($"{deployment.Spec.Strategy?.RollingUpdate?.MaxSurge}", out var pods) ? pods : replicas;
        return replicas + surge + replicas;
    }

    private static int PoolOf(Manifests manifests, string workload) => DatabaseOf(manifests, workload)?.MaxPoolSize ?? 0;

    // The locks of the reconciler and the archiver are sessions of their own, and so is that of retention; the lists of the operations API have a pool of their own.
    private static int UnpooledOf(V1Deployment deployment) => deployment.Spec.Template.Spec.Containers.Max(container => container.Args switch
    {
        [.., "reconcile" or "consume" or "archive"] => 1,
        [.., "api"] => 4,
        _ => 0,
    });

    private static NpgsqlConnectionStringBuilder? DatabaseOf(Manifests manifests, string workload) =>
        DatabaseOf(manifests, Pods.From(manifests).Single(pods => pods.Name == workload));

    /// <summary>Null for workloads that do not use the database.</summary>
    internal static NpgsqlConnectionStringBuilder? DatabaseOf(Manifests manifests, Pods pods) =>
        SettingsChecks.SecretSettingsOf(manifests, pods).TryGetValue("ConnectionStrings__Postgres", out var text) ? new NpgsqlConnectionStringBuilder(text) : null;

    [GeneratedRegex("@sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();

    [GeneratedRegex(@":\d+\.\d+\.\d+(-\w+)?(@sha256:[0-9a-f]{64})?$")]
    private static partial Regex Release();
}
