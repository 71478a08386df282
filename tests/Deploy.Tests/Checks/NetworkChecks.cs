using System.Net;
using k8s.Models;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Deploy.Tests.Checks;

/// <summary>No traffic is allowed without a policy, and every policy applies to existing pods.</summary>
internal static class NetworkChecks
{
    /// <summary>Connects to addresses chosen by strangers.</summary>
    private const string StrangersRole = "processor-worker-notify";

    private static readonly string[] InternetRoles = [StrangersRole, "processor-worker-reconcile", "processor-worker-archive"];

    private const string ApiServerPort = "6443";

    /// <summary>Maximum size of an API server's address range: a /24 of IPv4, a /120 of IPv6.</summary>
    private const int SmallNetworkBits = 8;

    public static IEnumerable<string> DefaultIsDeny(Manifests manifests) =>
        manifests.Of<V1NetworkPolicy>().Any(policy =>
            policy.Spec is { Ingress: null, Egress: null, PolicyTypes: ["Ingress", "Egress"] } && policy.Spec.PodSelector.Matches(new Dictionary<string, string>()))
            ? []
            : ["no NetworkPolicy denies everything both ways"];

    public static IEnumerable<string> EveryWorkloadHasAPolicy(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where !manifests.Of<V1NetworkPolicy>().Any(policy => Pods.From(manifests).Where(other => policy.Spec.PodSelector.Matches(other.Labels)).Select(other => other.Name).SequenceEqual([pods.Name]))
        select $"{pods.Name} has no NetworkPolicy of its own";

    /// <summary>
    /// A rule without peers allows everyone, one without ports allows all ports, and a peer whose selector has no terms selects everything.
    /// </summary>
    public static IEnumerable<string> NothingIsOpen(Manifests manifests) =>
        from rule in NetworkRule.From(manifests)
        let fault = rule switch
        {
            { Peers.Length: 0 } => "names no peer",
            _ when rule.Peers.Any(peer => peer.IpBlock is null && TakesAll(peer.NamespaceSelector ?? peer.PodSelector)) => "names everybody",
            { Ports.Length: 0 } => "names no port",
            _ when rule.Ports.Any(port => port.First == "") => "names every port",
            _ => null,
        }
        where fault is not null
        select $"a rule of the NetworkPolicy {rule.Policy} {fault}";

    /// <summary>Selectors match pods that will run, on ports that they have; namespaces are those that docs/kubernetes.md lists.</summary>
    public static IEnumerable<string> PeersAreReal(Manifests manifests)
    {
        var documented = File.ReadAllText(Path.Combine(Machine.Root, "docs", "kubernetes.md"));
        return NetworkRule.From(manifests).SelectMany(rule => FindStrangers(rule, Pods.From(manifests), documented).Select(fault => $"the NetworkPolicy {rule.Policy} {fault}"));
    }

    /// <summary>A connection needs a rule at both ends: the callee must accept what the caller may call.</summary>
    public static IEnumerable<string> BothEndsAgree(Manifests manifests)
    {
        var rules = NetworkRule.From(manifests).ToArray();
        return
        [
            .. from call in CallsOf(manifests, rules, isEgress: true)
               where !rules.Any(ingress => !ingress.IsEgress && ingress.Allows(call.Target, call.Caller, call.Target, call.Port))
               select $"{call.Caller.Name} may call port {call.Port} of {call.Target.Name}, which does not let it in",
            .. from call in CallsOf(manifests, rules, isEgress: false)
               where !rules.Any(egress => egress.IsEgress && egress.Allows(call.Caller, call.Target, call.Target, call.Port))
               select $"{call.Target.Name} lets {call.Caller.Name} in on port {call.Port}, which may not call it",
        ];
    }

    /// <summary>
    /// Address blocks stand for the internet, except the few addresses of the API server,
    /// which the database pods watch. No rule lets the internet reach a pod.
    /// </summary>
    public static IEnumerable<string> OnlyThreeRolesReachTheInternet(Manifests manifests) =>
        from rule in NetworkRule.From(manifests)
        from block in rule.Peers.Select(peer => peer.IpBlock).OfType<V1IPBlock>()
        from pods in Pods.From(manifests)
        where rule.Selector.Matches(pods.Labels) && !(rule.IsEgress && (InternetRoles.Contains(pods.Name) || (pods.AreDatabase && IsSmall(block))))
        select $"{pods.Name} {(rule.IsEgress ? "reaches" : "is reached by")} {block.Cidr}";

    /// <summary>The pods that connect to addresses chosen by strangers do not use the broker.</summary>
    public static IEnumerable<string> NotifyDoesNotReachTheBroker(Manifests manifests) =>
        from call in CallsOf(manifests, NetworkRule.From(manifests), isEgress: true)
        where call.Caller.Name == StrangersRole && call.Target.Name == "broker"
        select $"{call.Caller.Name} reaches port {call.Port} of the broker";

    /// <summary>The policy and the worker's own guard list the same non-public addresses: either suffices if the other fails.</summary>
    public static IEnumerable<string> TheInternetIsWhatTheGuardTakesForIt(Manifests manifests) =>
        from rule in NetworkRule.From(manifests)
        from block in rule.Peers.Select(peer => peer.IpBlock).OfType<V1IPBlock>()
        from pods in Pods.From(manifests)
        where rule.IsEgress && rule.Selector.Matches(pods.Labels) && InternetRoles.Contains(pods.Name)
        let cidr = IPNetwork.Parse(block.Cidr)
        let guarded = AddressRules.NotPublic.Where(network => cidr.Contains(network.BaseAddress)).Select(network => $"{network}")
        let difference = guarded.Except(block.Except ?? []).Concat((block.Except ?? []).Except(guarded)).ToArray()
        where difference.Length > 0
        select $"the exceptions of {cidr} for {pods.Name} differ from the guard's in {string.Join(", ", difference)}";

    /// <summary>An instance that cannot watch its Cluster never starts.</summary>
    public static IEnumerable<string> DatabaseFollowsTheApiServer(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where pods.AreDatabase && !NetworkRule.From(manifests).Any(rule =>
            rule.IsEgress && rule.Selector.Matches(pods.Labels) && rule.Peers.Any(peer => peer.IpBlock is not null) && rule.Ports.Any(port => port.First == ApiServerPort))
        select $"{pods.Name} may not call the API server";

    private static IEnumerable<string> FindStrangers(NetworkRule rule, IReadOnlyList<Pods> all, string documented)
    {
        var own = all.Where(pods => rule.Selector.Matches(pods.Labels)).ToArray();
        var targets = rule.IsEgress ? rule.PeersHere.SelectMany(peer => all.Where(pods => peer.PodSelector.Matches(pods.Labels))) : own;
        return
        [
            .. rule.Peers.SelectMany(peer => peer.NamespaceSelector?.MatchLabels ?? new Dictionary<string, string>())
                .Where(label => !documented.Contains($"`{(label.Key == "kubernetes.io/metadata.name" ? label.Value : label.Key)}`"))
                .Select(label => $"names a namespace {label.Key}={label.Value} that does not exist"),
            .. rule.Peers.Where(peer => peer.NamespaceSelector?.MatchExpressions is { Count: > 0 }).Select(_ => "names namespaces otherwise than by a label"),
            .. new[] { rule.Selector }.Concat(rule.PeersHere.Select(peer => peer.PodSelector)).Where(selector => !all.Any(pods => selector.Matches(pods.Labels)))
                .Select(selector => $"names {selector.Show()}, which takes no pods"),
            .. from target in targets
               from port in rule.Ports
               where !target.HavePorts(port.First, port.Last)
               select $"names port {port}, which {target.Name} does not have",
        ];
    }

    /// <summary>The calls that the rules of one direction allow, between pods that exist here.</summary>
    private static IEnumerable<(Pods Caller, Pods Target, NetworkPort Port)> CallsOf(Manifests manifests, IEnumerable<NetworkRule> rules, bool isEgress) =>
        from rule in rules
        where rule.IsEgress == isEgress
        from own in Pods.From(manifests)
        where rule.Selector.Matches(own.Labels)
        from other in Pods.From(manifests)
        where rule.PeersHere.Any(peer => peer.PodSelector.Matches(other.Labels))
        from port in rule.Ports
        select isEgress ? (own, other, port) : (other, own, port);

    private static bool TakesAll(V1LabelSelector? selector) => selector is null or { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } };

    private static bool IsSmall(V1IPBlock block) =>
        IPNetwork.TryParse(block.Cidr, out var network) && network.BaseAddress.GetAddressBytes().Length * 8 - network.PrefixLength <= SmallNetworkBits;
}
