using System.Globalization;
using Ingress.Api;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>The ingress serves probes and metrics on a listener that strangers cannot reach, so that they cannot hold them up.</summary>
internal static class ManagementChecks
{
    private const string LoadBalancer = "load-balancer";

    public static IEnumerable<string> Find(Manifests manifests)
    {
        foreach (var pods in Pods.From(manifests).Where(pods => pods.AreIngress))
        {
            var url = SettingsChecks.SettingsOf(manifests, pods).GetValueOrDefault($"{IngressOptions.Section}__{nameof(IngressOptions.ManagementUrl)}");
            var port = pods.Ports.SingleOrDefault(port => port.Number == IngressOptions.ReadPort(url));
            var faults = port is null ? [$"has no port of Ingress__ManagementUrl, '{url}'"] : Find(manifests, pods, port);
            foreach (var fault in faults)
            {
                yield return $"{pods.Name} {fault}";
            }
        }
    }

    private static IEnumerable<string> Find(Manifests manifests, Pods pods, PodPort port) =>
    [
        .. from container in pods.Containers
           from probe in new[] { container.ReadinessProbe, container.LivenessProbe, container.StartupProbe }.OfType<V1Probe>()
           where probe.HttpGet is not { } http || !port.Has($"{http.Port.Value}")
           select "is probed where strangers can hold every connection",
        .. from monitor in manifests.Of("PodMonitor")
           where MonitoringChecks.WatchedBy(monitor, manifests).Any(watched => watched.Name == pods.Name)
           from endpoint in monitor.List("spec.podMetricsEndpoints")
           where !port.Has($"{endpoint["port"]}")
           select "is scraped where strangers can hold every connection",
        .. from service in manifests.Of<V1Service>()
           where service.Spec.Selector.Matches(pods.Labels)
           from led in service.Spec.Ports
           where port.Has(led.TargetPort?.Value ?? led.Port.ToString(CultureInfo.InvariantCulture))
           select $"is managed through the Service {service.Metadata.Name}",
        .. from rule in NetworkRule.From(manifests)
           where !rule.IsEgress && rule.Selector.Matches(pods.Labels)
           let isStrangers = rule.Peers.All(peer => peer.NamespaceSelector?.MatchLabels?.Values.Contains(LoadBalancer) == true)
           where rule.Ports.Any(open => port.Has(open.First) == isStrangers)
           select isStrangers ? "is managed from where strangers come" : $"takes webhooks from {string.Join(", ", rule.Peers.Select(Show))}",
    ];

    private static string Show(V1NetworkPolicyPeer peer) => (peer.NamespaceSelector ?? peer.PodSelector)?.Show() ?? peer.IpBlock?.Cidr ?? "";
}
