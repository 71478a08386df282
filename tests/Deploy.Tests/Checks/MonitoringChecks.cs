using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>Prometheus scrapes what runs, and the alert rules refer to what Prometheus scrapes.</summary>
internal static partial class MonitoringChecks
{
    public static IEnumerable<string> Monitors(Manifests manifests) =>
        from monitor in manifests.Of("PodMonitor").Concat(manifests.Of("ServiceMonitor"))
        let watched = WatchedBy(monitor, manifests)
        from endpoint in monitor.List("spec.podMetricsEndpoints").Concat(monitor.List("spec.endpoints"))
        where watched.Length == 0 || watched.Any(pods => !pods.HavePort($"{endpoint["port"]}"))
        select $"the {monitor["kind"]} {monitor.NameOf()} watches port {endpoint["port"]} of what it selects, which is not there";

    /// <summary>A rule that refers to another job name never fires.</summary>
    public static IEnumerable<string> Jobs(Manifests manifests)
    {
        var jobs = manifests.Of("PodMonitor").SelectMany(monitor => WatchedBy(monitor, manifests)
                .Select(pods => pods.Labels.TryGetValue($"{monitor.At("spec.jobLabel")}", out var job) ? job : $"webhook-platform/{monitor.NameOf()}"))
            .Concat(manifests.Of("ServiceMonitor").SelectMany(monitor => monitor.List("spec.endpoints")).SelectMany(endpoint => endpoint.List("relabelings"))
                .Where(relabeling => $"{relabeling["targetLabel"]}" == "job").Select(relabeling => $"{relabeling["replacement"]}"))
            .ToHashSet();
        return from resource in manifests.Of("PrometheusRule")
               from rule in resource.List("spec.groups").SelectMany(rules => rules.List("rules"))
               from Match named in Job().Matches($"{rule["expr"]}")
               from job in named.Groups["jobs"].Value.Split('|')
               where !jobs.Contains(job)
               select $"the rule {rule["alert"] ?? rule["record"]} asks for the job {job}, which nothing scrapes";
    }

    /// <summary>The pods that a monitor selects.</summary>
    public static Pods[] WatchedBy(JsonObject monitor, Manifests manifests)
    {
        var selector = new V1LabelSelector
        {
            MatchLabels = monitor.At("spec.selector.matchLabels")?.AsObject().ToDictionary(term => term.Key, term => $"{term.Value}"),
            MatchExpressions =
            [
                .. monitor.List("spec.selector.matchExpressions").Select(term => new V1LabelSelectorRequirement
                {
                    Key = $"{term["key"]}",
                    OperatorProperty = $"{term["operator"]}",
                    Values = [.. term["values"]!.AsArray().Select(value => $"{value}")],
                }),
            ],
        };
        return [.. Pods.From(manifests).Where(pods => selector.Matches(pods.Labels))];
    }

    [GeneratedRegex("\\bjob=~?\"(?<jobs>[^\"]+)\"")]
    private static partial Regex Job();
}
