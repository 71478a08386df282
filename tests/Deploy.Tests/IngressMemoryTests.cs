using Deploy.Tests.Checks;

namespace Deploy.Tests;

/// <summary>The arithmetic of the ingress's memory detects raised limits.</summary>
public sealed class IngressMemoryTests
{
    private static readonly Dictionary<string, string> Defaults = [];

    [Fact]
    public async Task What_can_be_held_at_once_fits_the_pod() => Assert.Empty(IngressMemoryChecks.Find(Defaults, await LimitAsync()));

    [Theory]
    [InlineData("Ingress__MaxConnections", "11000")]
    [InlineData("Ingress__MaxBodyBytesInFlight", "75497472")]
    [InlineData("Ingress__MaxPublishesInFlight", "5000")]
    [InlineData("ASPNETCORE_URLS", "https://*:8443")]
    public async Task A_setting_that_is_raised_needs_a_larger_pod(string name, string value) =>
        Assert.NotEmpty(IngressMemoryChecks.Find(new Dictionary<string, string> { [name] = value }, await LimitAsync()));

    [Fact]
    public async Task A_smaller_pod_is_too_small() =>
        Assert.NotEmpty(IngressMemoryChecks.Find(Defaults, await LimitAsync() - 32 * 1024 * 1024));

    private static async Task<long> LimitAsync() => Pods.Of(Manifests.Parse(await Overlay.ReadAsync(Overlay.Production)))
        .Single(pods => pods.AreIngress).Containers.Single().Resources.Limits["memory"].ToInt64();
}
