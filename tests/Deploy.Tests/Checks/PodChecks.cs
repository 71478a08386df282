using Ingress.Api.Hosting;
using Ingress.Api.Webhooks;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Processor.Worker.Hosting;

namespace Deploy.Tests.Checks;

/// <summary>Requirements for every pod.</summary>
internal static class PodChecks
{
    public static IEnumerable<string> Restricted(Manifests manifests)
    {
        if (!manifests.Of<V1Namespace>().Any(space => space.Metadata.Labels?.Matches("pod-security.kubernetes.io/enforce", "restricted") == true))
        {
            yield return "the namespace does not enforce the restricted level";
        }

        foreach (var pods in Pods.From(manifests).Where(pods => pods.Template is not null))
        {
            var faults = FindPodFaults(pods.Template!.Spec).Concat(pods.Template.Spec.Containers.Concat(pods.Template.Spec.InitContainers ?? []).SelectMany(FindContainerFaults));
            foreach (var fault in faults)
            {
                yield return $"{pods.Name} {fault}";
            }
        }
    }

    public static IEnumerable<string> Probes(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where pods.Ports.Count > 0
        from container in pods.Containers
        from probe in new (string Kind, V1Probe? Probe, string Path)[] { ("readiness", container.ReadinessProbe, "/health/ready"), ("liveness", container.LivenessProbe, "/health/live") }
        let fault = FindProbeFault(container, probe.Probe, pods.RunServices ? probe.Path : null)
        where fault is not null
        select $"{pods.Name}: the {probe.Kind} probe {fault}";

    public static IEnumerable<string> Resources(Manifests manifests) =>
        from pods in Pods.From(manifests)
        from container in pods.Containers
        let requests = container.Resources?.Requests ?? new Dictionary<string, ResourceQuantity>()
        let limits = container.Resources?.Limits ?? new Dictionary<string, ResourceQuantity>()
        where !requests.ContainsKey("cpu") || !requests.TryGetValue("memory", out var memory) || !limits.TryGetValue("memory", out var limit)
            || memory.ToString() != limit.ToString()
        select $"{pods.Name} does not say its CPU, or as much memory as it is limited to";

    public static IEnumerable<string> PortsNamedOnce(Manifests manifests) =>
        Pods.From(manifests).Where(pods => pods.Template is not null).SelectMany(pods => FindDoubles(pods.Name, pods.Ports.Select(port => (port.Name, port.Number))))
            .Concat(manifests.Of<V1Service>().SelectMany(service =>
                FindDoubles(service.Metadata.Name, service.Spec.Ports.Select(port => ((string?)port.Name, port.Port)))));

    /// <summary>A pod must not be killed while its service is still stopping within its own time limits.</summary>
    public static IEnumerable<string> StopTimes(Manifests manifests)
    {
        foreach (var pods in Pods.From(manifests).Where(pods => pods.RunServices && pods.Ports.Count > 0))
        {
            var takes = pods.AreIngress ? IngressStopTime() : WorkerStopTime();
            var waits = TimeSpan.FromSeconds(pods.Containers.Max(container => container.Lifecycle?.PreStop?.Sleep?.Seconds ?? 0));
            var grace = TimeSpan.FromSeconds(pods.Template!.Spec.TerminationGracePeriodSeconds ?? 30);
            if (grace <= waits + takes)
            {
                yield return $"{pods.Name} is killed after {grace}, and takes {waits} + {takes} to stop";
            }

            if (waits == TimeSpan.Zero && manifests.Of<V1Service>().Any(service => service.Spec.Selector.Matches(pods.Labels)))
            {
                yield return $"{pods.Name} stops before its callers have noticed";
            }
        }
    }

    private static IEnumerable<string> FindPodFaults(V1PodSpec spec) => Otherwise(
        (spec.AutomountServiceAccountToken == false, "mounts a service account token"),
        (spec.SecurityContext?.RunAsNonRoot == true, "may run as root"),
        (spec.SecurityContext?.SeccompProfile?.Type == "RuntimeDefault", "has no seccomp profile"),
        (spec.HostNetwork is not true && spec.HostPID is not true && spec.HostIPC is not true, "uses the host's namespaces"),
        ((spec.Volumes ?? []).All(volume => volume.HostPath is null), "mounts the host's files"));

    private static IEnumerable<string> FindContainerFaults(V1Container container)
    {
        var security = container.SecurityContext;
        return Otherwise(
            (security?.AllowPrivilegeEscalation == false, $"{container.Name} may gain privileges"),
            (security?.ReadOnlyRootFilesystem == true, $"{container.Name} may write to its image"),
            (security?.Capabilities?.Drop?.Contains("ALL") == true && security.Capabilities.Add is null, $"{container.Name} keeps capabilities"),
            (security?.Privileged is not true && security?.RunAsNonRoot is not false, $"{container.Name} is privileged"));
    }

    private static IEnumerable<string> Otherwise(params (bool IsTrue, string Fault)[] expected) => expected.Where(one => !one.IsTrue).Select(one => one.Fault);

    private static bool Matches(this IDictionary<string, string> labels, string key, string value) => labels.TryGetValue(key, out var found) && found == value;

    /// <param name="path">The path at which one of the platform's services answers; null for third-party servers, which have their
    /// own.</param>
    private static string? FindProbeFault(V1Container container, V1Probe? probe, string? path) => probe switch
    {
        null => "is missing",
        { HttpGet: null } when path is not null => "does not ask the service",
        { HttpGet: { } http } when !(container.Ports ?? []).Any(port => port.Name == http.Port.ToString()) => $"asks a port '{http.Port}' that has no such name",
        { HttpGet: { } http } when http.Path != path => $"asks for {http.Path}",
        _ => null,
    };

    private static IEnumerable<string> FindDoubles(string owner, IEnumerable<(string? Name, int Number)> ports)
    {
        var all = ports.ToArray();
        return all.Where(port => string.IsNullOrEmpty(port.Name)).Select(port => $"{owner}: port {port.Number} has no name")
            .Concat(all.GroupBy(port => port.Name).Where(group => group.Count() > 1).Select(group => $"{owner}: port '{group.Key}' is there twice"))
            .Concat(all.GroupBy(port => port.Number).Where(group => group.Count() > 1).Select(group => $"{owner}: port {group.Key} is there twice"));
    }

    private static TimeSpan IngressStopTime()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Services.AddWebhooks();
        builder.AddServer();
        return ShutdownTimeout(builder.Services);
    }

    private static TimeSpan WorkerStopTime() => ShutdownTimeout(new ServiceCollection().AddMessaging());

    private static TimeSpan ShutdownTimeout(IServiceCollection services)
    {
        using var provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout;
    }
}
