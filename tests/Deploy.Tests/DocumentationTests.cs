using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>The commands in docs/kubernetes.md match deploy/k8s.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] Numbers = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"];

    private static string Documentation => Read("docs/kubernetes.md");

    [Fact]
    public void The_operators_are_installed_in_the_releases_that_were_read()
    {
        var read = Read("tests/Deploy.Tests/Crds/README.md");

        var installed = Release().Matches(Documentation);

        Assert.Equal(5, installed.Count);
        Assert.All(installed, release => Assert.Matches($@"github\.com/{Regex.Escape(release.Groups["project"].Value)},.*\| v{Regex.Escape(release.Groups["version"].Value)} \|", read));
    }

    [Fact]
    public async Task What_is_typed_on_one_machine_fits_the_overlay()
    {
        var manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.Development));
        var secret = manifests.Of<k8s.Models.V1Secret>().Single(secret => secret.Metadata.Name == "magic-hour-webhook-secrets").Data["development"];

        Assert.Contains($"--secret {System.Text.Encoding.UTF8.GetString(secret)}", Documentation, StringComparison.Ordinal);
        Assert.All(Named().Matches(Documentation).Select(named => named.Groups["object"].Value), named =>
            Assert.Contains(named, manifests.Names.Select(name => name.ToLowerInvariant())));
        Assert.All(
            Pods.From(manifests).Where(pods => pods.RunServices).SelectMany(pods => pods.Containers).Select(container => container.Image).Distinct(),
            image => Assert.Contains($"docker build -t {image} --target ", Documentation, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_overlay_that_is_named_is_there() =>
        Assert.All(Folder().Matches(Documentation), folder => Assert.True(Directory.Exists(Path.Combine(Machine.Root, folder.Value)), folder.Value));

    /// <summary>The topology operator rejects a User whose Secret the store has not delivered yet.</summary>
    [Fact]
    public async Task With_secrets_from_a_store_an_error_is_announced_for_each_user()
    {
        var manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.ProductionWithExternalSecrets));
        var users = manifests.Of("User").Select(user => user.NameOf()).ToArray();
        var ofWorkers = users.Where(user => user.StartsWith("processor-worker-", StringComparison.Ordinal)).ToArray();

        var announced = Errors().Matches(Documentation).Select(errors => Array.IndexOf(Numbers, errors.Groups["number"].Value));

        Assert.Equal([users.Length, ofWorkers.Length], announced);
    }

    [Fact]
    public void The_end_of_a_slow_body_is_documented()
    {
        var webhook = Read("docs/http.md").Split("\n## ")[1];

        var row = webhook.Split("Every answer")[0].Split('\n').Single(line => line.StartsWith("| none |", StringComparison.Ordinal));
        Assert.Contains("half of `Ingress__ReceiveTimeout`", row, StringComparison.Ordinal);
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Machine.Root, file));

    [GeneratedRegex(@"https://(github\.com|raw\.githubusercontent\.com)/(?<project>[^/\s]+/[^/\s]+)/(releases/download/v(?<version>[^/\s]+)/|\S+-(?<version>\d+\.\d+\.\d+)\.yaml)")]
    private static partial Regex Release();

    [GeneratedRegex(@"(?<= )(?<object>(deployment/(database|processor-worker-consume)|service/ingress-api|job/migrate-dev))\b")]
    private static partial Regex Named();

    [GeneratedRegex(@"(?<number>\w+)\s+errors\b")]
    private static partial Regex Errors();

    [GeneratedRegex(@"deploy/k8s/overlays/\w+")]
    private static partial Regex Folder();
}
