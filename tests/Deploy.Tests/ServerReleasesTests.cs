using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>Tests and production use the same release of each server, wherever it is named.</summary>
public sealed partial class ServerReleasesTests
{
    [Fact]
    public async Task Compose_tests_and_manifests_name_the_same_releases()
    {
        var places = await ReadPlacesAsync();

        var broker = Assert.Single(places.SelectMany(ReleasesOf(Broker())).Distinct());
        var database = Assert.Single(places.SelectMany(ReleasesOf(Database())).Distinct());

        Assert.Contains($"RabbitMQ {broker}, PostgreSQL {database}", Read("docs/kubernetes.md"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rabbitmq:4.", "rabbitmq:5.")]
    [InlineData("rabbitmq:4.2.", "rabbitmq:4.3.")]
    [InlineData("postgresql:17", "postgresql:18")]
    [InlineData("postgres:17", "postgres:16")]
    [InlineData("rabbitmq:", "example.com/broker:")]
    public async Task Another_release_in_one_place_is_found(string text, string mistake)
    {
        var places = await ReadPlacesAsync();
        var at = Array.FindIndex(places, place => place.Contains(text, StringComparison.Ordinal));

        places[at] = places[at].Replace(text, mistake, StringComparison.Ordinal);

        Assert.NotEqual(2, places.SelectMany(ReleasesOf(Broker())).Concat(places.SelectMany(ReleasesOf(Database()))).Distinct().Count());
    }

    private static async Task<string[]> ReadPlacesAsync() =>
    [
        Read("docker-compose.yml"), $"{TestServers.RabbitMqImage} {TestServers.PostgresImage}",
        await Overlay.ReadAsync(Overlay.Development), await Overlay.ReadAsync(Overlay.Production),
    ];

    /// <summary>The releases that a text names, or <c>none</c>.</summary>
    private static Func<string, IEnumerable<string>> ReleasesOf(Regex image) =>
        place => image.Matches(place).Select(found => found.Groups["release"].Value).DefaultIfEmpty("none");

    private static string Read(string file) => File.ReadAllText(Path.Combine(Machine.Root, file));

    // RabbitMQ's compatibility changes with its second number, PostgreSQL's with its first.
    [GeneratedRegex(@"\brabbitmq:(?<release>\d+\.\d+)")]
    private static partial Regex Broker();

    [GeneratedRegex(@"\bpostgres(ql)?:(?<release>\d+)")]
    private static partial Regex Database();
}
