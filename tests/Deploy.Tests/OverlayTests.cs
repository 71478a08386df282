using Deploy.Tests.Checks;

namespace Deploy.Tests;

/// <summary>What <c>kubectl apply --kustomize</c> would apply.</summary>
public sealed class OverlayTests
{
    public static MatrixTheoryData<string, string> EveryOverlayAndCheck => new(
        [Overlay.Development, Overlay.Production, Overlay.ProductionWithExternalSecrets], ManifestChecks.All.Keys);

    [Theory]
    [MemberData(nameof(EveryOverlayAndCheck))]
    public async Task An_overlay_passes(string overlay, string check)
    {
        var manifests = Manifests.Parse(await Overlay.ReadAsync(overlay));

        Assert.Empty(ManifestChecks.All[check](manifests));
    }

    [Fact]
    public async Task The_script_and_the_store_make_the_same_secrets()
    {
        var byScript = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));
        var byStore = Manifests.Parse(await Overlay.ReadAsync(Overlay.ProductionWithExternalSecrets));

        Assert.All(byStore.Of("ExternalSecret"), external =>
        {
            var secret = Assert.Single(byScript.Of<k8s.Models.V1Secret>(), secret => secret.Metadata.Name == external.NameOf());
            var template = external.At("spec.target.template.data")?.AsObject();
            Assert.All(template ?? [], pair => Assert.Equal(
                secret.StringData[pair.Key], $"{pair.Value}".Replace("{{ .password }}", secret.StringData["password"], StringComparison.Ordinal)));
            Assert.True(template is null || secret.StringData.Count == template.Count);
        });
        Assert.Equal(byScript.Of<k8s.Models.V1Secret>().Count(), byStore.Of("ExternalSecret").Count());
    }

    [Fact]
    public async Task A_secret_can_be_made_anew_alone()
    {
        var first = Manifests.Parse(await Overlay.CreateSecretsAsync("keda-broker"));
        var second = Manifests.Parse(await Overlay.CreateSecretsAsync("keda-broker"));

        Assert.Equal(["Secret/keda-broker"], first.Names);
        Assert.NotEqual(first.Of<k8s.Models.V1Secret>().Single().StringData["password"], second.Of<k8s.Models.V1Secret>().Single().StringData["password"]);
    }
}
