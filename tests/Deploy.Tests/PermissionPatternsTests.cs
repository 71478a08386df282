using Deploy.Tests.Checks;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>
/// RabbitMQ matches a permission's pattern anywhere in a name, so <c>webhook-received</c> alone also matches <c>webhook-received-evil</c>.
/// </summary>
public sealed class PermissionPatternsTests
{
    private static readonly string[] Kinds = ["configure", "write", "read"];

    [Theory]
    [InlineData(Overlay.Production)]
    [InlineData(Overlay.ProductionWithExternalSecrets)]
    public async Task A_permission_takes_the_names_that_it_lists_and_none_like_them(string overlay)
    {
        var permissions = Manifests.Parse(await Overlay.ReadAsync(overlay)).Of("Permission").ToArray();

        Assert.NotEmpty(permissions);
        Assert.All(from permission in permissions from kind in Kinds select $"{permission.At($"spec.permissions.{kind}")}", AssertExact);
    }

    [Fact]
    public void So_does_a_documented_permission()
    {
        var documented = File.ReadLines(Path.Combine(Machine.Root, "docs", "kubernetes.md"))
            .Select(line => line.Split(": ")).Where(parts => Kinds.Contains(parts[0])).Select(parts => parts[1]).ToArray();

        Assert.Equal(Kinds.Length, documented.Length);
        Assert.All(documented, AssertExact);
    }

    [Theory]
    [InlineData("webhook-received")]
    [InlineData("^webhook-received$")]
    [InlineData("^(webhook-received)")]
    [InlineData("(webhook-received)$")]
    [InlineData("^(webhook-received|)$")]
    [InlineData("^(webhook-received.*)$")]
    [InlineData("^(webhook-received(_.+)?)$")]
    [InlineData("^(Platform.Contracts:JobFailed)$")]
    [InlineData("^(webhook-received)$|^(another)$")]
    [InlineData(".*")]
    public void What_is_no_list_of_names_is_not_taken_for_one(string pattern) => Assert.Null(ExactPattern.Read(pattern));

    private static void AssertExact(string pattern)
    {
        var names = Assert.IsAssignableFrom<IReadOnlyList<string>>(ExactPattern.Read(pattern));
        // RabbitMQ treats the empty pattern as one that matches no name.
        Assert.All(names, name =>
        {
            Assert.Matches(pattern, name);
            string[] alike = [$"{name}-evil", $"{name}_evil", $"evil-{name}", $"{name}{name}", $"{name}x", name.Replace('.', 'x'), name[..^1]];
            Assert.All(alike.Except(names), other => Assert.DoesNotMatch(pattern, other));
        });
    }
}
