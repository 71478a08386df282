using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>One rule of a NetworkPolicy, of either direction.</summary>
/// <param name="Selector">The pods to which the policy applies.</param>
/// <param name="Peers">Empty means everyone.</param>
/// <param name="Ports">Empty means all ports.</param>
internal sealed record NetworkRule(string Policy, bool IsEgress, V1LabelSelector Selector, V1NetworkPolicyPeer[] Peers, NetworkPort[] Ports)
{
    /// <summary>Peers in the namespace itself.</summary>
    public IEnumerable<V1NetworkPolicyPeer> PeersHere => Peers.Where(peer => peer is { PodSelector: not null, NamespaceSelector: null });

    public static IEnumerable<NetworkRule> From(Manifests manifests) =>
        from policy in manifests.Of<V1NetworkPolicy>()
        from rule in (policy.Spec.Ingress ?? []).Select(rule => (IsEgress: false, Peers: rule.FromProperty, rule.Ports))
            .Concat((policy.Spec.Egress ?? []).Select(rule => (IsEgress: true, Peers: rule.To, rule.Ports)))
        select new NetworkRule(
            policy.Metadata.Name, rule.IsEgress, policy.Spec.PodSelector, [.. rule.Peers ?? []], [.. (rule.Ports ?? []).Select(NetworkPort.From)]);

    /// <summary>Whether the rule applies to these pods and allows those on the target's port.</summary>
    public bool Allows(Pods own, Pods other, Pods target, NetworkPort port) =>
        Selector.Matches(own.Labels) && PeersHere.Any(peer => peer.PodSelector.Matches(other.Labels)) && Ports.Any(open => open.IsSame(port, target));
}

/// <summary>A port, or a range.</summary>
/// <param name="First">Its number or name; empty for every port.</param>
internal sealed record NetworkPort(string First, string Last)
{
    public static NetworkPort From(V1NetworkPolicyPort port) => new($"{port.Port}", $"{port.EndPort}" is { Length: > 0 } last ? last : $"{port.Port}");

    /// <summary>Whether both mean the same port of these pods, by number or by name.</summary>
    public bool IsSame(NetworkPort other, Pods target) =>
        this == other || target.Ports.Any(known => known.Name is not null && known.Has(First) && known.Has(other.First));

    public override string ToString() => First == Last ? First : $"{First}-{Last}";
}
