using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;
using Npgsql;
using Platform.Contracts;

namespace Deploy.Tests.Checks;

/// <summary>What broker, database and workers must agree on.</summary>
internal static partial class PlatformChecks
{
    /// <summary>Connections that are left to the operator, to monitoring and to a person.</summary>
    private const int SpareConnections = 20;

    /// <summary>
    /// Each pod with a full pool, at the worst moment: all of the new version run, and all of the old one still stop. Beside them are two
    /// migrations, of the new version and of one before it that is still tried.
    /// </summary>
    public static IEnumerable<string> Connections(Manifests manifests)
    {
        var workers = manifests.Of<V1Deployment>().Sum(deployment => PodsAtWorst(manifests, deployment) * PoolOf(manifests, deployment.Metadata.Name));
        var migrations = manifests.Of<V1Job>().Sum(job => 2 * PoolOf(manifests, job.Metadata.Name));
        foreach (var cluster in manifests.Of("Cluster"))
        {
            var most = int.Parse($"{cluster.At("spec.postgresql.parameters.max_connections")}", CultureInfo.InvariantCulture);
            var role = (int)cluster.List("spec.managed.roles").Single()["connectionLimit"]!;
            if (workers > role || role + migrations + SpareConnections > most)
            {
                yield return $"workers may open {workers} of {role} connections, which with {migrations} of migrations and {SpareConnections} to spare must fit into {most}";
            }
        }
    }

    /// <summary>With operators everything is encrypted, to a host that is there and has a certificate for that name.</summary>
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
            .. from pods in Pods.Of(manifests)
               where pods.AreOurs
               let broker = BrokerAddress.Parse(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__RabbitMq"])
               where broker.UseTls != isEncrypted || broker.Nodes.Any(node => !hosts.Contains(node.Host) || isEncrypted && !certified.Contains(node.Host))
               select $"{pods.Name} calls the broker at {broker}, {(broker.UseTls ? "with" : "without")} TLS",
            .. from pods in Pods.Of(manifests)
               let database = DatabaseOf(manifests, pods)
               where database is not null && (!hosts.Contains(database.Host!) || isEncrypted != (database.SslMode is SslMode.VerifyFull))
               select $"{pods.Name} calls the database at {database.Host} with SSL Mode={database.SslMode}",
            .. from trigger in manifests.Of("ScaledObject").SelectMany(scaler => scaler.List("spec.triggers"))
               let url = new Uri($"{trigger.At("metadata.host")}")
               where url.Scheme != "https" || !certified.Contains(url.Host)
               select $"KEDA calls the broker at {url}",
        ];
    }

    /// <summary>Its name carries the tag of its image: the template of a Job cannot change. The pod of an attempt that failed stays, with its log.</summary>
    public static IEnumerable<string> Migration(Manifests manifests) =>
        from job in manifests.Of<V1Job>()
        let tag = job.Spec.Template.Spec.Containers[0].Image.Split('@')[0].Split(':')[^1]
        where job.Metadata.Name != $"migrate-{tag}" || job.Spec.Template.Spec.RestartPolicy != "Never"
        select $"the migration of {tag} is called {job.Metadata.Name}, and restarted {job.Spec.Template.Spec.RestartPolicy}";

    /// <summary>In production by digest, but for RabbitMQ's: the operator knows its default by the release alone.</summary>
    public static IEnumerable<string> Images(Manifests manifests)
    {
        var isProduction = manifests.Of("RabbitmqCluster").Any();
        var ours = Pods.Of(manifests).SelectMany(pods => pods.Containers).Select(container => container.Image);
        var images = ours.Concat(manifests.Of("Cluster").Select(cluster => $"{cluster.At("spec.imageName")}"))
            .Select(image => (image, isFixed: isProduction ? Digest().IsMatch(image) : image.Contains(':') && !image.EndsWith(":latest", StringComparison.Ordinal)))
            .Concat(manifests.Of("RabbitmqCluster").Select(cluster => $"{cluster.At("spec.image")}").Select(image => (image, isFixed: Release().IsMatch(image))));
        return images.Where(image => !image.isFixed).Select(image => $"{image.image} is whatever it is on the day");
    }

    // A surge as a percentage, Kubernetes' own default, may be all of them again.
    private static int PodsAtWorst(Manifests manifests, V1Deployment deployment)
    {
        var replicas = (int?)manifests.Of("ScaledObject").SingleOrDefault(scaler => $"{scaler.At("spec.scaleTargetRef.name")}" == deployment.Metadata.Name).At("spec.maxReplicaCount")
            ?? deployment.Spec.Replicas ?? 1;
        var surge = int.TryParse($"{deployment.Spec.Strategy?.RollingUpdate?.MaxSurge}", out var pods) ? pods : replicas;
        return replicas + surge + replicas;
    }

    private static int PoolOf(Manifests manifests, string workload) =>
        DatabaseOf(manifests, Pods.Of(manifests).Single(pods => pods.Name == workload))?.MaxPoolSize ?? 0;

    /// <summary>Null for who calls no database.</summary>
    private static NpgsqlConnectionStringBuilder? DatabaseOf(Manifests manifests, Pods pods) =>
        SettingsChecks.SecretSettingsOf(manifests, pods).TryGetValue("ConnectionStrings__Postgres", out var text) ? new NpgsqlConnectionStringBuilder(text) : null;

    [GeneratedRegex("@sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();

    [GeneratedRegex(@":\d+\.\d+\.\d+(-\w+)?$")]
    private static partial Regex Release();
}
