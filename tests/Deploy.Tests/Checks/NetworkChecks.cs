using k8s.Models;
using Platform.LocalStack;

namespace Deploy.Tests.Checks;

/// <summary>Nothing talks to anything unless a policy says so, and every policy speaks of somebody.</summary>
internal static class NetworkChecks
{
    public static IEnumerable<string> DefaultIsDeny(Manifests manifests) =>
        manifests.Of<V1NetworkPolicy>().Any(policy =>
            policy.Spec is { Ingress: null, Egress: null, PolicyTypes: ["Ingress", "Egress"] } && policy.Spec.PodSelector.Matches(new Dictionary<string, string>()))
            ? []
            : ["no NetworkPolicy denies everything both ways"];

    public static IEnumerable<string> EveryWorkloadHasAPolicy(Manifests manifests) =>
        from pods in Pods.Of(manifests)
        where !manifests.Of<V1NetworkPolicy>().Any(policy => Pods.Of(manifests).Where(other => policy.Spec.PodSelector.Matches(other.Labels)).Select(other => other.Name).SequenceEqual([pods.Name]))
        select $"{pods.Name} has no NetworkPolicy of its own";

    /// <summary>Selectors take pods that will run, on ports that they have; namespaces are those that docs/kubernetes.md lists.</summary>
    public static IEnumerable<string> PeersAreReal(Manifests manifests)
    {
        var all = Pods.Of(manifests);
        var documented = File.ReadAllText(Path.Combine(Machine.Root, "docs", "kubernetes.md"));
        foreach (var (policy, rule) in RulesOf(manifests))
        {
            foreach (var peer in rule.Peers.Where(peer => peer.NamespaceSelector is not null))
            {
                foreach (var label in peer.NamespaceSelector.MatchLabels.Where(label => !documented.Contains($"`{(label.Key == "kubernetes.io/metadata.name" ? label.Value : label.Key)}`")))
                {
                    yield return $"the NetworkPolicy {policy} names a namespace {label.Key}={label.Value} that nobody has heard of";
                }
            }

            var own = all.Where(pods => rule.Selector.Matches(pods.Labels)).ToArray();
            if (own.Length == 0)
            {
                yield return $"the NetworkPolicy {policy} selects {rule.Selector.Show()}, which takes no pods";
            }

            var targets = rule.IsEgress ? rule.Peers.Where(IsHere).SelectMany(peer => all.Where(pods => peer.PodSelector.Matches(pods.Labels))) : own;
            foreach (var peer in rule.Peers.Where(peer => IsHere(peer) && !all.Any(pods => peer.PodSelector.Matches(pods.Labels))))
            {
                yield return $"the NetworkPolicy {policy} names {peer.PodSelector.Show()}, which takes no pods";
            }

            foreach (var (pods, port) in targets.SelectMany(pods => rule.Ports.Select(port => (pods, port))).Where(pair => !pair.pods.HavePort(pair.port)))
            {
                yield return $"the NetworkPolicy {policy} names port {port}, which {pods.Name} does not have";
            }
        }
    }

    /// <summary>What one may call must let itself be called: a connection needs both ends.</summary>
    public static IEnumerable<string> BothEndsAgree(Manifests manifests)
    {
        var all = Pods.Of(manifests);
        var rules = RulesOf(manifests).Select(pair => pair.Rule).ToArray();
        return
        [
            .. from egress in rules
               where egress.IsEgress
               from peer in egress.Peers.Where(IsHere)
               from target in all.Where(pods => peer.PodSelector.Matches(pods.Labels))
               from caller in all.Where(pods => egress.Selector.Matches(pods.Labels))
               from port in egress.Ports
               where !rules.Any(ingress => !ingress.IsEgress && ingress.Selector.Matches(target.Labels) && ingress.Ports.Any(open => IsSame(target, open, port))
                   && ingress.Peers.Any(source => IsHere(source) && source.PodSelector.Matches(caller.Labels)))
               select $"{caller.Name} may call port {port} of {target.Name}, which does not let it in",
            .. from ingress in rules
               where !ingress.IsEgress
               from peer in ingress.Peers.Where(IsHere)
               from caller in all.Where(pods => peer.PodSelector.Matches(pods.Labels))
               from target in all.Where(pods => ingress.Selector.Matches(pods.Labels))
               from port in ingress.Ports
               where !rules.Any(egress => egress.IsEgress && egress.Selector.Matches(caller.Labels) && egress.Ports.Any(open => IsSame(target, open, port))
                   && egress.Peers.Any(aim => IsHere(aim) && aim.PodSelector.Matches(target.Labels)))
               select $"{target.Name} lets {caller.Name} in on port {port}, which may not call it",
        ];
    }

    public static IEnumerable<string> OnlyNotifyReachesTheInternet(Manifests manifests) =>
        from pair in RulesOf(manifests)
        where pair.Rule.Peers.Any(peer => peer.IpBlock is not null)
        from pods in Pods.Of(manifests)
        where pair.Rule.Selector.Matches(pods.Labels) && pods.Name != "processor-worker-notify"
        select $"{pods.Name} reaches the internet";

    private static bool IsHere(V1NetworkPolicyPeer peer) => peer is { PodSelector: not null, NamespaceSelector: null };

    private static bool IsSame(Pods target, string open, string port) =>
        open == port || target.Ports.Any(known => known.Name is not null && (known.Name, $"{known.Number}") is var names && (names == (open, port) || names == (port, open)));

    private static IEnumerable<(string Policy, Rule Rule)> RulesOf(Manifests manifests)
    {
        foreach (var policy in manifests.Of<V1NetworkPolicy>())
        {
            foreach (var rule in policy.Spec.Ingress ?? [])
            {
                yield return (policy.Metadata.Name, new Rule(false, policy.Spec.PodSelector, rule.FromProperty ?? [], PortsOf(rule.Ports)));
            }

            foreach (var rule in policy.Spec.Egress ?? [])
            {
                yield return (policy.Metadata.Name, new Rule(true, policy.Spec.PodSelector, rule.To ?? [], PortsOf(rule.Ports)));
            }
        }
    }

    private static string[] PortsOf(IList<V1NetworkPolicyPort>? ports) => [.. (ports ?? []).Select(port => port.Port.ToString())];

    private sealed record Rule(bool IsEgress, V1LabelSelector Selector, IList<V1NetworkPolicyPeer> Peers, string[] Ports);
}
