using System.Text.Json.Nodes;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>Every referenced ConfigMap, Secret, key and volume exists.</summary>
internal static class ReferenceChecks
{
    public static IEnumerable<string> ConfigMapsAndSecrets(Manifests manifests)
    {
        var maps = manifests.Of<V1ConfigMap>().ToDictionary(map => map.Metadata.Name, HashSet<string>? (map) => [.. map.Data.Keys]);
        var secrets = SecretsOf(manifests);
        return
        [
            .. NamedByPods(manifests).Concat(NamedByResources(manifests)).Where(reference => !(reference.IsSecret ? secrets : maps).Has(reference)).Select(reference =>
                $"{reference.From} needs {reference.Key ?? "anything"} of {(reference.IsSecret ? "Secret" : "ConfigMap")} {reference.Name}, which is not there"),
        ];
    }

    public static IEnumerable<string> Volumes(Manifests manifests) =>
        from pods in Pods.From(manifests)
        from container in pods.Containers
        let volumes = (pods.Template!.Spec.Volumes ?? []).Select(volume => volume.Name)
        let mounts = (container.VolumeMounts ?? []).Select(mount => mount.Name)
        where !volumes.Order().SequenceEqual(mounts.Order())
        select $"{pods.Name} mounts {string.Join(", ", mounts)}, and has {string.Join(", ", volumes)}";

    /// <summary>Users, permissions and certificates refer to each other.</summary>
    public static IEnumerable<string> Resources(Manifests manifests)
    {
        var names = manifests.Names.ToHashSet();
        var named = manifests.Of("User").Concat(manifests.Of("Permission")).Concat(manifests.Of("Vhost"))
            .Select(resource => (From: resource, To: $"RabbitmqCluster/{resource.At("spec.rabbitmqClusterReference.name")}"))
            .Concat(manifests.Of("Permission").Select(resource => (From: resource, To: $"User/{resource.At("spec.userReference.name")}")))
            .Concat(manifests.Of("Permission").Select(resource => (From: resource, To: $"Vhost/{resource.At("spec.vhost")}")))
            .Concat(manifests.Of("Certificate").Select(resource => (From: resource, To: $"Issuer/{resource.At("spec.issuerRef.name")}")))
            .Concat(manifests.Of("ScaledObject").SelectMany(scaler => scaler.List("spec.triggers").Select(
                trigger => (From: scaler, To: $"TriggerAuthentication/{trigger.At("authenticationRef.name")}"))));
        return named.Where(reference => !names.Contains(reference.To)).Select(reference => $"{reference.From.NameOf()} names {reference.To}, which is not there");
    }

    /// <summary>The Secrets that will exist, with their keys; null where the keys are unknown.</summary>
    public static Dictionary<string, HashSet<string>?> SecretsOf(Manifests manifests)
    {
        var secrets = manifests.Of<V1Secret>().ToDictionary(
            secret => secret.Metadata.Name,
            HashSet<string>? (secret) => [.. secret.StringData?.Keys ?? [], .. secret.Data?.Keys ?? []]);
        foreach (var external in manifests.Of("ExternalSecret"))
        {
            secrets.Add(external.NameOf(), external.At("spec.target.template.data") is JsonObject data ? [.. data.Select(pair => pair.Key)] : null);
        }

        foreach (var certificate in manifests.Of("Certificate"))
        {
            secrets.Add($"{certificate.At("spec.secretName")}", ["ca.crt", "tls.crt", "tls.key"]);
        }

        foreach (var cluster in manifests.Of("Cluster"))
        {
            secrets.Add($"{cluster.NameOf()}-ca", ["ca.crt", "ca.key"]);
        }

        return secrets;
    }

    private static bool Has(this Dictionary<string, HashSet<string>?> secrets, Reference reference) =>
        secrets.TryGetValue(reference.Name, out var keys) && (keys is null || (reference.Key is null ? keys.Count > 0 : keys.Contains(reference.Key)));

    private static IEnumerable<Reference> NamedByPods(Manifests manifests)
    {
        foreach (var pods in Pods.From(manifests).Where(pods => pods.Template is not null))
        {
            foreach (var variables in pods.Containers.SelectMany(container => container.EnvFrom ?? []))
            {
                yield return new Reference(pods.Name, variables.SecretRef is not null, variables.SecretRef?.Name ?? variables.ConfigMapRef.Name, null);
            }

            foreach (var key in pods.Containers.SelectMany(container => container.Env ?? []).Select(variable => variable.ValueFrom?.SecretKeyRef).OfType<V1SecretKeySelector>())
            {
                yield return new Reference(pods.Name, true, key.Name, key.Key);
            }

            foreach (var volume in pods.Template!.Spec.Volumes ?? [])
            {
                foreach (var (name, keys) in SecretsIn(volume))
                {
                    foreach (var key in keys.DefaultIfEmpty())
                    {
                        yield return new Reference(pods.Name, true, name, key);
                    }
                }
            }
        }
    }

    private static IEnumerable<(string Name, IEnumerable<string> Keys)> SecretsIn(V1Volume volume) =>
        (volume.Secret is { } secret ? [(secret.SecretName, (secret.Items ?? []).Select(item => item.Key))] : Array.Empty<(string, IEnumerable<string>)>())
        .Concat((volume.Projected?.Sources ?? []).Select(source => source.Secret).Where(source => source is { Optional: not true })
            .Select(source => (source.Name, (source.Items ?? []).Select(item => item.Key))));

    private static IEnumerable<Reference> NamedByResources(Manifests manifests) =>
    [
        .. from user in manifests.Of("User")
           from key in new[] { "username", "password" }
           select new Reference(user.NameOf(), true, $"{user.At("spec.importCredentialsSecret.name")}", key),
        .. from authentication in manifests.Of("TriggerAuthentication")
           from source in authentication.List("spec.secretTargetRef")
           select new Reference(authentication.NameOf(), true, $"{source["name"]}", $"{source["key"]}"),
        .. from authentication in manifests.Of("TriggerAuthentication")
           from source in authentication.List("spec.configMapTargetRef")
           select new Reference(authentication.NameOf(), false, $"{source["name"]}", $"{source["key"]}"),
        .. from cluster in manifests.Of("Cluster")
           from secret in cluster.List("spec.managed.roles").Select(role => role.At("passwordSecret.name")).Append(cluster.At("spec.bootstrap.initdb.secret.name"))
           from key in new[] { "username", "password" }
           select new Reference(cluster.NameOf(), true, $"{secret}", key),
        .. from cluster in manifests.Of("RabbitmqCluster")
           select new Reference(cluster.NameOf(), true, $"{cluster.At("spec.tls.secretName")}", "tls.key"),
        .. from issuer in manifests.Of("Issuer")
           where issuer.At("spec.ca") is not null
           select new Reference(issuer.NameOf(), true, $"{issuer.At("spec.ca.secretName")}", "tls.key"),
        .. from monitor in manifests.Of("ServiceMonitor")
           from endpoint in monitor.List("spec.endpoints")
           select new Reference(monitor.NameOf(), true, $"{endpoint.At("tlsConfig.ca.secret.name")}", $"{endpoint.At("tlsConfig.ca.secret.key")}"),
    ];

    /// <param name="Key">Null for the whole object.</param>
    private sealed record Reference(string From, bool IsSecret, string Name, string? Key);
}
