using Deploy.Tests.Checks;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>The objects that <c>kubectl apply --kustomize</c> would apply.</summary>
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
            var labels = external.At("spec.target.template.metadata.labels")?.AsObject().Select(label => $"{label.Key}={label.Value}");
            Assert.Equal((secret.Metadata.Labels ?? new Dictionary<string, string>()).Select(label => $"{label.Key}={label.Value}"), labels ?? []);
            Assert.Equal(secret.Type, $"{external.At("spec.target.template.type") ?? "Opaque"}");
        });
        Assert.Equal(byScript.Of<k8s.Models.V1Secret>().Count(), byStore.Of("ExternalSecret").Count());
    }

    [Fact]
    public async Task The_alert_rules_are_those_of_the_observability_folder()
    {
        var manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));
        var written = await File.ReadAllTextAsync(Path.Combine(Machine.Root, "deploy/k8s/components/monitoring/rules.yaml"), CancellationToken.None);

        var created = await Overlay.CreateRulesAsync();

        Assert.True(written == created, "The rules were changed: deploy/k8s/create-rules > deploy/k8s/components/monitoring/rules.yaml");
        var files = Directory.GetFiles(Path.Combine(Machine.Root, "deploy/observability/rules")).Select(Path.GetFileNameWithoutExtension);
        Assert.Equal(files.Order(), manifests.Of("PrometheusRule").Select(rules => rules.NameOf()).Order());
    }

    [Theory]
    [InlineData(true, "Email__Host=smtp.example.com", "Email__From=O'Brien <studio@example.com>", "Email__User=studio", "Email__Password=it's")]
    [InlineData(true, "OutgoingWebhooks__Secrets__0=whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData(true, "Operations__ApiKeys__0=an-old-key-of-24-letters", "Operations__ApiKeys__1=a-new-key-of-24-letters-or-more")]
    [InlineData(true, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key=an-old-key-of-24-letters")]
    [InlineData(true, "Operations__ApiKeys__0=an-old-key-of-24-letters", "OutgoingWebhooks__Secrets__0=whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData(true, "MagicHourApi__Key=mhk_live_AAAAAAAAAAAAAAAA")]
    [InlineData(true, "Archive__AccessKey=archive", "Archive__Bucket=files", "Archive__Endpoint=https://s3.example.com", "Archive__SecretKey=AAAAAAAAAAAAAAAAAAAA")]
    [InlineData(false, "Archive__AccessKey=archive", "Archive__Bucket=files", "Archive__Endpoint=http://s3.example.com", "Archive__SecretKey=AAAAAAAAAAAAAAAAAAAA")]
    [InlineData(false, "Archive__Bucket=files")]
    [InlineData(false, "MagicHourApi__Key=local_development_only")]
    [InlineData(false, "Email__Host=smtp.example.com")]
    [InlineData(false, "Email__Hots=smtp.example.com")]
    [InlineData(false, "OutgoingWebhooks__Secrets__0=secret")]
    [InlineData(false, "Operations__ApiKey=a-key")]
    [InlineData(false, "Operations__ApiKeys__0=a-key-of-23-characters.")]
    public async Task What_is_optional_must_be_a_setting_too(bool isOne, params string[] environment)
    {
        var name = environment[0].Split("__")[0] switch
        {
            "Operations" => "processor-worker-api",
            "MagicHourApi" => "processor-worker-reconcile",
            "Archive" => "processor-worker-archive",
            _ => "processor-worker-notify",
        };
        var secret = await Overlay.CreateSecretsAsync(environment, [name]);

        var manifests = Manifests.Parse($"{await Overlay.ReadAsync(Overlay.Production)}\n{secret}");

        Assert.Empty(manifests.Faults);
        var values = manifests.Of<k8s.Models.V1Secret>().Single(secret => secret.Metadata.Name == name).StringData;
        Assert.Equal(environment.Order(), values.Select(value => $"{value.Key}={value.Value}").Order());
        Assert.Equal(isOne, !ManifestChecks.All["settings bind"](manifests).Any());
    }

    [Theory]
    [InlineData("registry.example.com:5000/platform", "1.4.0")]
    [InlineData("ghcr.io/owner/repository", "1.4.0-rc.1")]
    [InlineData("ghcr.io/owner/repository", "a1b2c3d")]
    public async Task The_migration_is_named_by_the_tag_whatever_the_registry(string registry, string tag)
    {
        var manifests = Manifests.Parse(await Overlay.RenderProductionAsync(registry, tag));

        Assert.Empty(manifests.Faults);
        Assert.Equal($"migrate-{tag}", Assert.Single(manifests.Of<k8s.Models.V1Job>()).Metadata.Name);
    }

    [Theory]
    [InlineData("Release")]
    [InlineData("1.4.0_1")]
    [InlineData("1.4.0-")]
    [InlineData("1.4.0-of-a-branch-whose-name-is-longer-than-a-label-can-be")]
    public async Task A_tag_that_cannot_name_a_job_is_found(string tag)
    {
        var manifests = Manifests.Parse(await Overlay.RenderProductionAsync("ghcr.io/owner/repository", tag));

        Assert.NotEmpty(manifests.Faults.Concat(ManifestChecks.All["the API server admits it"](manifests)));
    }

    [Fact]
    public async Task A_single_secret_can_be_created_again()
    {
        var first = Manifests.Parse(await Overlay.CreateSecretsAsync("keda-broker"));
        var second = Manifests.Parse(await Overlay.CreateSecretsAsync("keda-broker"));

        Assert.Equal(["Secret/keda-broker"], first.Names);
        Assert.NotEqual(first.Of<k8s.Models.V1Secret>().Single().StringData["password"], second.Of<k8s.Models.V1Secret>().Single().StringData["password"]);
    }
}
