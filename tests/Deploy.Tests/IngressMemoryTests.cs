using Deploy.Tests.Checks;

namespace Deploy.Tests;

/// <summary>The arithmetic of the ingress's memory detects raised limits.</summary>
public sealed class IngressMemoryTests
{
    [Fact]
    public async Task What_can_be_held_at_once_fits_the_pod() => Assert.Empty(await FindAsync([]));

    [Theory]
    [InlineData("Ingress__MaxConnections", "11000")]
    [InlineData("Ingress__MaxBodyBytesInFlight", "75497472")]
    [InlineData("Ingress__MaxPublishesInFlight", "5000")]
    [InlineData("ASPNETCORE_URLS", "https://*:8443")]
    [InlineData("OTEL_BSP_MAX_QUEUE_SIZE", "16384")]
    [InlineData("OTEL_LOGS_EXPORTER", "otlp")]
    public async Task A_setting_that_is_raised_needs_a_larger_pod(string name, string value) =>
        Assert.NotEmpty(await FindAsync(new() { [name] = value }));

    [Fact]
    public async Task A_smaller_pod_is_too_small() => Assert.NotEmpty(await FindAsync([], -32 * 1024 * 1024));

    /// <param name="settings">Settings that differ from production's.</param>
    private static async Task<IEnumerable<string>> FindAsync(Dictionary<string, string> settings, long more = 0)
    {
        var manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));
        var pods = Pods.From(manifests).Single(pods => pods.AreIngress);
        var all = SettingsChecks.SettingsOf(manifests, pods);
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        return IngressMemoryChecks.Find(all, pods.Containers.Single().Resources.Limits["memory"].ToInt64() + more);
    }
}
