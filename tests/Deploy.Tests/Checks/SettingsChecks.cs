using System.ComponentModel.DataAnnotations;
using System.Reflection;
using k8s.Models;
using Microsoft.Extensions.Configuration;

namespace Deploy.Tests.Checks;

/// <summary>What the manifests set must be a setting of the service, with a value that it takes, and files must be where it looks.</summary>
internal static class SettingsChecks
{
    private const string SettingsDirectory = "SettingsDirectory";

    // Not sections of ours: read by .NET and by OpenTelemetry, and by Settings.
    private static readonly string[] OtherSettings =
        [SettingsDirectory, "SSL_CERT_FILE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

    public static IEnumerable<string> Bind(Manifests manifests)
    {
        foreach (var pods in Pods.Of(manifests).Where(pods => pods.AreOurs))
        {
            var (settings, secrets) = (SettingsOf(manifests, pods), SecretSettingsOf(manifests, pods));
            foreach (var name in settings.Keys.Where(name => name.StartsWith("ConnectionStrings", StringComparison.Ordinal)))
            {
                yield return $"{pods.Name}: {name} is a secret, and in a ConfigMap";
            }

            foreach (var fault in FindFaults(pods.AreIngress, settings.Concat(secrets).ToDictionary(setting => setting.Key, setting => setting.Value)))
            {
                yield return $"{pods.Name}: {fault}";
            }
        }
    }

    /// <summary>Paths in settings and connection strings lead to what is mounted.</summary>
    public static IEnumerable<string> Files(Manifests manifests) =>
        from pods in Pods.Of(manifests)
        where pods.AreOurs
        let files = FilesOf(pods)
        let certificate = SecretSettingsOf(manifests, pods).GetValueOrDefault("ConnectionStrings__Postgres")?.Split(';')
            .Where(part => part.StartsWith("Root Certificate=", StringComparison.Ordinal)).Select(part => part.Split('=')[1]) ?? []
        from path in SettingsOf(manifests, pods).Values.Where(value => value.StartsWith('/')).Concat(certificate)
        where !files.Any(file => file == path || file.StartsWith($"{path}/", StringComparison.Ordinal))
        select $"{pods.Name}: there is nothing at {path}";

    /// <summary>The ConfigMaps of a workload.</summary>
    public static Dictionary<string, string> SettingsOf(Manifests manifests, Pods pods) => pods.Containers
        .SelectMany(container => container.EnvFrom ?? [])
        .SelectMany(source => manifests.Of<V1ConfigMap>().Where(map => map.Metadata.Name == source.ConfigMapRef?.Name))
        .SelectMany(map => map.Data)
        .Concat(pods.Containers.SelectMany(container => container.Env ?? []).Select(variable => KeyValuePair.Create(variable.Name, variable.Value ?? "")))
        .ToDictionary(setting => setting.Key, setting => setting.Value);

    /// <summary>The files of its settings directory, by the Secrets that they come from.</summary>
    public static Dictionary<string, string> SecretSettingsOf(Manifests manifests, Pods pods)
    {
        var directory = SettingsOf(manifests, pods).GetValueOrDefault(SettingsDirectory);
        var volumes = pods.Containers.SelectMany(container => container.VolumeMounts ?? []).Where(mount => mount.MountPath == directory).Select(mount => mount.Name);
        return (pods.Template?.Spec.Volumes ?? [])
            .Where(volume => volumes.Contains(volume.Name))
            .SelectMany(volume => volume.Projected?.Sources ?? [])
            .SelectMany(source => FilesOf(source.Secret, manifests).Select(file => (file.Path, Value: ValueOf(manifests, source.Secret.Name, file.Key))))
            .ToDictionary(file => file.Path, file => file.Value);
    }

    /// <summary>Where nothing is picked, each key of the Secret is a file; none where it is optional and not there.</summary>
    private static IEnumerable<(string Key, string Path)> FilesOf(V1SecretProjection source, Manifests manifests) =>
        source.Items?.Select(item => (item.Key, item.Path))
        ?? manifests.Of<V1Secret>().Where(secret => secret.Metadata.Name == source.Name).SelectMany(secret => secret.StringData.Keys).Select(key => (key, key));

    private static string ValueOf(Manifests manifests, string secret, string key)
    {
        var found = manifests.Of<V1Secret>().SingleOrDefault(candidate => candidate.Metadata.Name == secret);
        return found?.StringData?.TryGetValue(key, out var text) == true ? text
            : found?.Data?.TryGetValue(key, out var bytes) == true ? System.Text.Encoding.UTF8.GetString(bytes)
            : $"{manifests.Of("ExternalSecret").SingleOrDefault(candidate => candidate.NameOf() == secret)?.At("spec.target.template.data")?[key]}";
    }

    private static IEnumerable<string> FindFaults(bool isIngress, Dictionary<string, string> settings)
    {
        var assembly = (isIngress ? typeof(Ingress.Api.IngressMetrics) : typeof(Processor.Worker.ProcessorMetrics)).Assembly;
        var sections = assembly.GetTypes()
            .Select(type => (Type: type, Name: type.GetField("Section", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() as string))
            .Where(section => section.Name is not null)
            .ToLookup(section => section.Name!, section => section.Type);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value)))
            .Build();
        foreach (var section in configuration.GetChildren())
        {
            foreach (var fault in sections[section.Key].DefaultIfEmpty().SelectMany(type => FindFaults(section, type)))
            {
                yield return fault;
            }
        }
    }

    private static IEnumerable<string> FindFaults(IConfigurationSection section, Type? type)
    {
        if (type is null)
        {
            return OtherSettings.Contains(section.Key) ? [] : [$"there is no setting {section.Key}"];
        }

        var options = Activator.CreateInstance(type)!;
        try
        {
            section.Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            return [exception.Message];
        }

        var results = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);
        // Whether the folder is there shows in Files.
        return results.Where(result => !result.MemberNames.Contains("WebhookSecretsDirectory"))
            .Select(result => $"{section.Key}__{result.MemberNames.FirstOrDefault()}: {result.ErrorMessage}");
    }

    private static List<string> FilesOf(Pods pods)
    {
        var mounts = pods.Containers.SelectMany(container => container.VolumeMounts ?? []).ToDictionary(mount => mount.Name, mount => mount.MountPath);
        return
        [
            .. from volume in pods.Template?.Spec.Volumes ?? []
               where mounts.ContainsKey(volume.Name)
               from file in (volume.Projected?.Sources ?? []).SelectMany(source => source.Secret.Items ?? []).Select(item => item.Path).DefaultIfEmpty("*")
               select $"{mounts[volume.Name]}/{file}",
        ];
    }
}
