using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>The load balancer between the sender and the ingress.</summary>
internal static partial class LoadBalancerChecks
{
    private const string TransportOfService = "traefik.ingress.kubernetes.io/service.serverstransport";

    // Matched as in the ingress itself and in the load balancer of compose: a trailing slash is allowed, and case matters.
    private static readonly string[] Paths = ["/health", "/health/", "/webhook", "/webhook/"];

    /// <summary>Magic Hour's time limit for an answer (magic-hour/contract.md).</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The ingress's limit, <c>Ingress__PublishBudget</c>: a shorter time-out would expire before the ingress answers.</summary>
    private static readonly TimeSpan PublishBudget = TimeSpan.FromSeconds(3);

    /// <summary>The same paths are public with and without a load balancer.</summary>
    public static IEnumerable<string> Reach(Manifests manifests) =>
        from ingress in manifests.Of<V1Ingress>()
        from rule in ingress.Spec.Rules
        where !rule.Http.Paths.All(path => path.PathType == "Exact")
            || !rule.Http.Paths.Select(path => path.Path).Order(StringComparer.Ordinal).SequenceEqual(Paths)
        select $"the world reaches {string.Join(", ", rule.Http.Paths.Select(path => $"{path.Path} ({path.PathType})"))} of {rule.Host}";

    /// <summary>Traefik's own defaults are 30 s for a connection and no limit for a response.</summary>
    public static IEnumerable<string> TimeOuts(Manifests manifests) =>
        from ingress in manifests.Of<V1Ingress>()
        from name in ingress.Spec.Rules.SelectMany(rule => rule.Http.Paths).Select(path => path.Backend.Service.Name).Distinct()
        let service = manifests.Of<V1Service>().SingleOrDefault(service => service.Metadata.Name == name)
        let fault = FindFault(FindTransport(manifests, service))
        where fault is not null
        select $"{name}: {fault}";

    private static JsonObject? FindTransport(Manifests manifests, V1Service? service) => manifests.Of("ServersTransport").SingleOrDefault(transport =>
        service?.Metadata.Annotations?.TryGetValue(TransportOfService, out var reference) == true
        && reference == $"{service.Metadata.NamespaceProperty}-{transport.NameOf()}@kubernetescrd");

    private static string? FindFault(JsonObject? transport)
    {
        if (transport is null)
        {
            return "its Service names no ServersTransport, and so no time-outs";
        }

        var connect = ReadDuration(transport.At("spec.forwardingTimeouts.dialTimeout"));
        var answer = ReadDuration(transport.At("spec.forwardingTimeouts.responseHeaderTimeout"));
        return connect > TimeSpan.Zero && answer > PublishBudget && connect + answer < Patience
            ? null
            : $"the load balancer waits {connect} for a connection and {answer} for an answer, the sender {Patience} for both";
    }

    private static TimeSpan ReadDuration(JsonNode? text) => Duration().Match($"{text}") is { Success: true } match
        ? double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) * (match.Groups["unit"].Value is "ms" ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromSeconds(1))
        : TimeSpan.Zero;

    [GeneratedRegex(@"^(?<number>\d+)(?<unit>m?s)$")]
    private static partial Regex Duration();
}
