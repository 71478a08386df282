using System.Text.Json.Nodes;
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

    /// <summary>All workers at once, each with a full pool and one more of each kind during a rollout, beside the migration.</summary>
    public static IEnumerable<string> Connections(Manifests manifests)
    {
        var workers = 0;
        var others = 0;
        foreach (var pods in Pods.Of(manifests).Where(pods => pods is { AreOurs: true, AreIngress: false }))
        {
            var pool = new NpgsqlConnectionStringBuilder(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__Postgres"]).MaxPoolSize;
            var deployment = manifests.Of<V1Deployment>().SingleOrDefault(deployment => deployment.Metadata.Name == pods.Name);
            (workers, others) = deployment is null ? (workers, others + pool) : (workers + pool * (MaxReplicas(manifests, deployment) + 1), others);
        }

        foreach (var cluster in manifests.Of("Cluster"))
        {
            var limit = int.Parse($"{cluster.At("spec.postgresql.parameters.max_connections")}", System.Globalization.CultureInfo.InvariantCulture) - SpareConnections;
            var role = (int)cluster.List("spec.managed.roles").Single()["connectionLimit"]!;
            if (workers > role || role + others > limit)
            {
                yield return $"workers may open {workers} of {role} connections, which with {others} of the migration must fit into {limit}";
            }
        }
    }

    /// <summary>With operators everything is encrypted, to a host that is there and has a certificate for that name.</summary>
    public static IEnumerable<string> Addresses(Manifests manifests)
    {
        var hosts = manifests.Of<V1Service>().Select(service => service.Metadata.Name)
            .Concat(manifests.Of("RabbitmqCluster").Select(cluster => $"{cluster.NameOf()}.webhook-platform.svc"))
            .Concat(manifests.Of("Cluster").Select(cluster => $"{cluster.NameOf()}-rw.webhook-platform.svc"))
            .ToHashSet();
        var certified = manifests.Of("Certificate").SelectMany(certificate => certificate.At("spec.dnsNames")?.AsArray() ?? []).Select(name => $"{name}").ToHashSet();
        var isEncrypted = manifests.Of("RabbitmqCluster").Any();
        foreach (var pods in Pods.Of(manifests).Where(pods => pods.AreOurs))
        {
            var settings = SettingsChecks.SecretSettingsOf(manifests, pods);
            var broker = BrokerAddress.Parse(settings["ConnectionStrings__RabbitMq"]);
            if (broker.UseTls != isEncrypted || broker.Nodes.Any(node => !hosts.Contains(node.Host) || isEncrypted && !certified.Contains(node.Host)))
            {
                yield return $"{pods.Name} calls the broker at {broker}, {(broker.UseTls ? "with" : "without")} TLS";
            }

            if (settings.TryGetValue("ConnectionStrings__Postgres", out var text) && new NpgsqlConnectionStringBuilder(text) is var database
                && (!hosts.Contains(database.Host!) || isEncrypted != (database.SslMode is SslMode.VerifyFull)))
            {
                yield return $"{pods.Name} calls the database at {database.Host} with SSL Mode={database.SslMode}";
            }
        }

        foreach (var url in manifests.Of("ScaledObject").SelectMany(scaler => scaler.List("spec.triggers")).Select(trigger => new Uri($"{trigger.At("metadata.host")}")))
        {
            if (url.Scheme != "https" || !certified.Contains(url.Host))
            {
                yield return $"KEDA calls the broker at {url}";
            }
        }
    }

    /// <summary>Whoever logs in to the broker is a user with permissions in the virtual host that it names.</summary>
    public static IEnumerable<string> Users(Manifests manifests) =>
        from pods in Pods.Of(manifests)
        where pods.AreOurs && manifests.Of("RabbitmqCluster").Any()
        let address = BrokerAddress.Parse(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__RabbitMq"])
        where PermissionOf(manifests, address.User) is not { } permission || $"{permission.At("spec.vhost")}" != address.VirtualHost
        select $"{pods.Name} logs in to the broker as {address.User} at {address.VirtualHost}, who may do nothing there";

    /// <summary>The ingress writes to its exchanges and its queue alone; who declares may declare every queue.</summary>
    public static IEnumerable<string> Permissions(Manifests manifests)
    {
        if (!manifests.Of("Permission").Any())
        {
            yield break;
        }

        string[] written = [$"Platform.Contracts:{nameof(WebhookReceived)}", $"Platform.Contracts:{nameof(WebhookQuarantined)}", Topology.CanaryExchange, Topology.WebhookReceivedQueue];
        var ingress = PermissionOf(manifests, "ingress-api").At("spec.permissions")!;
        if (ingress["configure"] is not null || ingress["read"] is not null)
        {
            yield return "the ingress may declare or read";
        }

        foreach (var name in written.Where(name => !May(ingress, "write", name)).Concat(Topology.Queues.Keys.Append("amq.default").Except(written).Where(name => May(ingress, "write", name))))
        {
            yield return $"the ingress may not write to {name}, or may and must not";
        }

        foreach (var (user, name) in new[] { "processor-worker", "migrate" }.SelectMany(user => Topology.Queues.Keys.Select(queue => (user, queue))))
        {
            var permissions = PermissionOf(manifests, user).At("spec.permissions")!;
            if (!May(permissions, "configure", name) || !May(permissions, "write", name) || !May(permissions, "read", name))
            {
                yield return $"{user} may not do all to the queue {name}";
            }
        }
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

    private static JsonObject? PermissionOf(Manifests manifests, string user) =>
        manifests.Of("Permission").SingleOrDefault(permission => $"{permission.At("spec.userReference.name")}" == user);

    private static bool May(JsonNode permissions, string what, string name) =>
        permissions[what] is { } pattern && Regex.IsMatch(name, $"{pattern}", RegexOptions.None, TimeSpan.FromSeconds(1));

    private static int MaxReplicas(Manifests manifests, V1Deployment deployment) =>
        (int?)manifests.Of("ScaledObject").SingleOrDefault(scaler => $"{scaler.At("spec.scaleTargetRef.name")}" == deployment.Metadata.Name).At("spec.maxReplicaCount")
        ?? deployment.Spec.Replicas ?? 1;

    [GeneratedRegex("@sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();

    [GeneratedRegex(@":\d+\.\d+\.\d+(-\w+)?$")]
    private static partial Regex Release();
}
