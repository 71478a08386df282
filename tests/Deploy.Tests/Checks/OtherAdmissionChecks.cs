using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>
/// Objects of the manifests that External Secrets 2.9.0 (<c>apis/externalsecrets/v1/externalsecret_validator.go</c>) and cert-manager
/// 1.21.1 (<c>internal/apis/certmanager/validation</c>) reject, and Secrets and Jobs that the API server rejects. The Prometheus operator
/// rejects rules that Prometheus cannot read; promtool checks those at their source.
/// </summary>
internal static partial class OtherAdmissionChecks
{
    private const int LongestCommonName = 64;

    public static IEnumerable<string> ExternalSecrets(Manifests manifests) =>
        from secret in manifests.Of("ExternalSecret")
        let target = secret.At("spec.target")
        let sources = secret.List("spec.dataFrom").ToArray()
        let keys = secret.List("spec.data").Select(data => $"{data["secretKey"]}").ToArray()
        from fault in Rules.FindBroken(
        [
            (keys.Length + sources.Length > 0, "takes nothing from the store"),
            (keys.Distinct().Count() == keys.Length, "takes two values as one key"),
            (sources.All(one => one.Count(pair => pair.Key is "extract" or "find" or "sourceRef") == 1), "takes what it does not name, or names in two ways"),
            ($"{target.At("deletionPolicy")}" is "" or "Retain" || $"{target.At("creationPolicy")}" is "" or "Owner", "deletes a Secret that it does not own"),
            ($"{target.At("template.type")}" is not ("bootstrap.kubernetes.io/token" or "kubernetes.io/service-account-token"), "makes a token for the API server"),
            (target.List("template.templateFrom").All(one => $"{one["target"]}".ToUpperInvariant() is "" or "DATA" or "ANNOTATIONS" or "LABELS"), "writes to other parts of a Secret"),
        ])
        select $"the ExternalSecret {secret.NameOf()} {fault}";

    public static IEnumerable<string> Certificates(Manifests manifests) =>
    [
        .. from certificate in manifests.Of("Certificate")
           from fault in FindFaults(certificate)
           select $"the Certificate {certificate.NameOf()} {fault}",
        .. from issuer in manifests.Of("Issuer")
           where issuer.At("spec") is not JsonObject { Count: 1 }
           select $"the Issuer {issuer.NameOf()} is not of one kind",
    ];

    /// <summary>The name of a Job is a label of its pods; a Secret with a type must have the keys of that type.</summary>
    public static IEnumerable<string> Kubernetes(Manifests manifests) =>
    [
        .. from job in manifests.Of<V1Job>()
           where job.Metadata.Name.Length > Metadata.LabelLength
           select $"the Job {job.Metadata.Name} has a name of more than {Metadata.LabelLength} characters",
        .. from secret in manifests.Of<V1Secret>().Select(secret => (secret.Metadata.Name, secret.Type, Keys: secret.StringData?.Keys ?? secret.Data?.Keys ?? []))
               .Concat(manifests.Of("ExternalSecret").Select(secret => (
                   Name: secret.NameOf(),
                   Type: $"{secret.At("spec.target.template.type")}",
                   Keys: (ICollection<string>)[.. (secret.At("spec.target.template.data") as JsonObject ?? []).Select(pair => pair.Key)])))
           where secret.Type == "kubernetes.io/basic-auth" && !secret.Keys.Contains("username") && !secret.Keys.Contains("password")
           select $"the Secret {secret.Name} has neither user name nor password",
    ];

    private static IEnumerable<string> FindFaults(JsonObject certificate)
    {
        var spec = certificate["spec"]!.AsObject();
        var key = spec["privateKey"];
        var (duration, renewal) = (Hours(spec["duration"]) ?? 2160, Hours(spec["renewBefore"]));
        var size = (int?)key?["size"];
        var isSize = $"{key?["algorithm"]}" switch { "ECDSA" => size is 256 or 384 or 521, "Ed25519" => true, _ => size is >= 2048 and <= 8192 };
        return Rules.FindBroken(
        [
            (spec["commonName"] is not null || spec["dnsNames"] is JsonArray { Count: > 0 }, "is for no name"),
            ($"{spec["commonName"]}".Length <= LongestCommonName, "has a common name that is too long"),
            ($"{spec.At("issuerRef.group")}" is not ("" or "cert-manager.io") || $"{spec.At("issuerRef.kind")}" is "" or "Issuer" or "ClusterIssuer", "has an issuer of an unknown kind"),
            (size is null || isSize, "has a key of a size that its algorithm does not have"),
            (duration >= 1 && (renewal is null || renewal < duration && renewal >= 1.0 / 12), "ends before it is renewed"),
            (renewal is null || spec["renewBeforePercentage"] is null, "says twice when it is renewed"),
        ]);
    }

    /// <summary>Parses Go durations in whole hours or minutes.</summary>
    private static double? Hours(JsonNode? duration) =>
        duration is null ? null
        : Duration().Match($"{duration}") is { Success: true } match ? double.Parse(match.Groups["number"].Value, null) / (match.Groups["unit"].Value == "h" ? 1 : 60)
        : 0;

    [GeneratedRegex(@"^(?<number>\d+)(?<unit>[hm])(0m)?(0s)?$")]
    private static partial Regex Duration();
}
