using System.Reflection;
using Platform.Contracts;
using Platform.ServiceDefaults.Hosting;

namespace ServiceDefaults.Tests;

public sealed class BuildVersionTests
{
    [Fact]
    public void It_is_a_semantic_version_of_the_tags_and_names_the_commit() =>
        Assert.Matches(@"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9a-f]{40})?$", BuildVersion.Text);

    [Fact]
    public void Every_assembly_of_a_build_has_the_same_version() => Assert.Equal(
        BuildVersion.Text, typeof(WebhookReceived).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
}
