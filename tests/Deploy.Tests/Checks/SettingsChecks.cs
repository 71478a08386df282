using System.ComponentModel.DataAnnotations;
using System.Reflection;
using k8s.Models;
using Microsoft.Extensions.Configuration;
using Platform.ServiceDefaults.Settings;

namespace Deploy.Tests.Checks;

/// <summary>
/// Every setting in the manifests exists in the service and has a valid value, and files are where the service reads them.
/// </summary>
internal static class SettingsChecks
{
    private const string SettingsDirectory = "SettingsDirectory";
    private const string EnvironmentName = "DOTNET_ENVIRONMENT";

    // Sections read by .NET, by OpenTelemetry and by Settings, not by the platform's
    // options. SSL_CERT_FILE is not included, because it is trusted for every server.
    private static readonly string[] OtherSettings =
        [SettingsDirectory, EnvironmentName, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

    public static IEnumerable<string> Bind(Manifests manifests)
    {
        foreach (var pods in Pods.From(manifests).Where(pods => pods.RunServices))
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

    /// <summary>Paths in settings and connection strings point to mounted files.</summary>
    public static IEnumerable<string> Files(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where pods.RunServices
        let files = FilesOf(pods)
        let certificate = SecretSettingsOf(manifests, pods).GetValueOrDefault("ConnectionStrings__Postgres")?.Split(';')
            .Where(part => part.StartsWith("Root Certificate=", StringComparison.Ordinal)).Select(part => part.Split('=')[1]) ?? []
        from path in SettingsOf(manifests, pods).Values.Where(value => value.StartsWith('/')).Concat(certificate)
        where !files.Any(file => file.Path == path || file.Path.StartsWith($"{path}/", StringComparison.Ordinal))
        select $"{pods.Name}: there is nothing at {path}";

    /// <summary>The ConfigMaps of a workload.</summary>
    public static Dictionary<string, string> SettingsOf(Manifests manifests, Pods pods) => pods.Containers
        .SelectMany(container => container.EnvFrom ?? [])
        .SelectMany(source => manifests.Of<V1ConfigMap>().Where(map => map.Metadata.Name == source.ConfigMapRef?.Name))
        .SelectMany(map => map.Data)
        .Concat(pods.Containers.SelectMany(container => container.Env ?? []).Select(variable => KeyValuePair.Create(variable.Name, variable.Value ?? "")))
        .ToDictionary(setting => setting.Key, setting => setting.Value);

    /// <summary>The files of the settings directory, by the Secrets that contain them.</summary>
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

    /// <summary>The mounted files; <c>*</c> stands for all files of a volume without selected items.</summary>
    public static List<MountedFile> FilesOf(Pods pods)
    {
        var mounts = pods.Containers.SelectMany(container => container.VolumeMounts ?? []).ToDictionary(mount => mount.Name, mount => mount.MountPath);
        return
        [
            .. from volume in pods.Template?.Spec.Volumes ?? []
               where mounts.ContainsKey(volume.Name)
               from file in (volume.Projected?.Sources ?? [])
                   .SelectMany(source => (source.Secret.Items ?? []).Select(item => new MountedFile(item.Path, source.Secret.Name, item.Key)))
                   .DefaultIfEmpty(new MountedFile("*", Secret: null, Key: null))
               select file with { Path = $"{mounts[volume.Name]}/{file.Path}" },
        ];
    }

    /// <summary>Without selected items, each key of the Secret is a file; none when the Secret is optional and does not exist.</summary>
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
            .Select(type => (Type: type, Name: type.GetField("Section", BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy)?.GetRawConstantValue() as string))
            .Where(section => section.Name is not null)
            .ToLookup(section => section.Name!, section => section.Type);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value)))
            .Build();
        var acceptsDefaults = settings.GetValueOrDefault(EnvironmentName) == "Development";
        foreach (var section in configuration.GetChildren())
        {
            foreach (var fault in sections[section.Key].DefaultIfEmpty().SelectMany(type => FindFaults(section, type, acceptsDefaults)))
            {
                yield return fault;
            }
        }
    }

    private static IEnumerable<string> FindFaults(IConfigurationSection section, Type? type, bool acceptsDefaults)
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
        if (!acceptsDefaults && options is ISecretOptions secrets)
        {
            results.AddRange(secrets.FindDefaultSecrets());
        }

        // Files checks whether the file or folder exists.
        return results.Where(result => !result.MemberNames.Any(name => name is "WebhookSecretsDirectory" or "StateDirectory" or "CertificateAuthorities"))
            .Select(result => $"{section.Key}__{result.MemberNames.FirstOrDefault()}: {result.ErrorMessage}");
    }
}

/// <summary>A file in a container, and the Secret that contains it.</summary>
internal sealed record MountedFile(string Path, string? Secret, string? Key);
