using System.Text.Json.Nodes;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>
/// Objects that KEDA's webhook rejects or warns about, from <c>apis/keda/v1alpha1</c> of 2.20.2. Its rules for CPU, memory and formulas,
/// and those for cloud identities and OAuth, do not apply here.
/// </summary>
internal static class ScalerAdmissionChecks
{
    public static IEnumerable<string> Find(Manifests manifests)
    {
        var scalers = manifests.Of("ScaledObject").ToArray();
        var targets = scalers.Select(TargetOf).Concat(manifests.Of<V2HorizontalPodAutoscaler>().Select(scaler => scaler.Spec.ScaleTargetRef.Name)).ToArray();
        return from scaler in scalers
               from fault in FindFaults(scaler)
                   .Concat(Rules.FindBroken((targets.Count(target => target == TargetOf(scaler)) == 1, "scales what another one scales")))
                   .Concat(FindWarnings(scaler))
               select $"the ScaledObject {scaler.NameOf()} {fault}";
    }

    private static IEnumerable<string> FindFaults(JsonObject scaler)
    {
        var triggers = scaler.List("spec.triggers").ToArray();
        var names = triggers.Select(trigger => trigger["name"]).OfType<JsonNode>().Select(name => $"{name}").ToArray();
        var horizontal = $"{scaler.At("spec.advanced.horizontalPodAutoscalerConfig.name") ?? $"keda-hpa-{scaler.NameOf()}"}";
        var (least, idle) = ((int?)scaler.At("spec.minReplicaCount") ?? 0, (int?)scaler.At("spec.idleReplicaCount"));
        return Rules.FindBroken(
        [
            (horizontal.Length <= Metadata.LabelLength && scaler.NameOf().Length <= Metadata.LabelLength, "has a name, or its HorizontalPodAutoscaler has, that is no label"),
            (idle is null || idle < least, "has an idleReplicaCount that is not below minReplicaCount"),
            (triggers.Length > 0, "has no triggers"),
            (names.Distinct().Count() == names.Length, "has two triggers of one name"),
            (scaler.At("spec.fallback") is null || triggers.Any(trigger => $"{trigger["type"]}" is not ("cpu" or "memory")), "has a fallback that no trigger can use"),
            (((int?)scaler.At("spec.fallback.failureThreshold") ?? 0) >= 0 && ((int?)scaler.At("spec.fallback.replicas") ?? 0) >= 0, "has a negative fallback"),
        ]);
    }

    /// <summary>Settings for scaling to zero, which never happens here: the HorizontalPodAutoscaler polls at its own interval.</summary>
    private static IEnumerable<string> FindWarnings(JsonObject scaler)
    {
        var mayBeNone = ((int?)scaler.At("spec.minReplicaCount") ?? 0) == 0 || (int?)scaler.At("spec.idleReplicaCount") == 0;
        var isCached = scaler.List("spec.triggers").Any(trigger => (bool?)trigger["useCachedMetrics"] == true);
        return Rules.FindBroken(
        [
            (mayBeNone || isCached || scaler.At("spec.pollingInterval") is null, "has a pollingInterval that means nothing, of which KEDA warns"),
            (mayBeNone || scaler.At("spec.cooldownPeriod") is null, "has a cooldownPeriod that means nothing, of which KEDA warns"),
        ]);
    }

    private static string TargetOf(JsonObject scaler) => $"{scaler.At("spec.scaleTargetRef.name")}";
}
