using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>docker-compose.yml works without preparation, and only this machine can use its defaults.</summary>
public sealed partial class ComposeTests
{
    private const string Resolved = """
        {"services": {
          "load-balancer": {"ports": [{"host_ip": "127.0.0.1", "published": "8080"}]},
          "ingress-api": {"environment": {"MagicHour__WebhookSecrets__0": "mhw_local_development_only"}},
          "processor-worker": {"environment": {"Operations__ApiKeys__0": "local_development_only_key", "MagicHourApi__Key": "mhk_local_development_only"}},
          "migrate": {"environment": {
            "ConnectionStrings__RabbitMq": "amqp://platform:platform@rabbitmq:5672/",
            "ConnectionStrings__Postgres": "Host=postgres;Database=platform;Username=platform;Password=platform"}}}}
        """;

    private static string Compose => File.ReadAllText(Path.Combine(Machine.Root, "docker-compose.yml"));

    [Fact]
    public void Every_port_is_of_this_machine_only_by_default()
    {
        var ports = Ports(Compose);

        Assert.Contains("${LISTEN_ADDRESS:-127.0.0.1}:8080:8080", ports);
        Assert.All(ports, port => Assert.Matches(@"^(127\.0\.0\.1|\$\{LISTEN_ADDRESS:-127\.0\.0\.1\}):", port));
    }

    [Fact]
    public void Who_listens_elsewhere_is_not_in_Development_where_default_secrets_are_accepted()
    {
        var services = YamlText.Parse(Compose)["services"]!;
        string[] built = ["migrate", "ingress-api", "processor-worker"];

        Assert.Contains("\nx-environment: &environment\n  DOTNET_ENVIRONMENT: ${LISTEN_ADDRESS:+Not}Development\n", Compose, StringComparison.Ordinal);
        Assert.Equal(built.Length, Environment().Count(Compose));
        Assert.All(built, service => Assert.NotNull(services[service]));
    }

    [Fact]
    public void The_stack_says_that_others_cannot_reach_it_and_needs_no_secret()
    {
        var settings = ComposeSettings.Parse(Resolved);

        Assert.Empty(settings.FindMissing());
        Assert.StartsWith("this machine only", settings.Reach, StringComparison.Ordinal);
        Assert.Equal(("http://127.0.0.1:8080", "amqp://platform:platform@127.0.0.1:15673/"), (settings.IngressUrl, settings.RabbitMq));
        Assert.Equal("http://127.0.0.1:8090", settings.MagicHourUrl);
    }

    [Fact]
    public void The_simulated_Magic_Hour_is_in_Development_only_and_signs_with_the_secret_of_the_ingress()
    {
        var services = YamlText.Parse(Compose)["services"]!;
        var simulation = services["magic-hour"]!["environment"]!;

        Assert.Equal($"${{MAGIC_HOUR_API_KEY-{Stack.LocalMagicHourKey}}}", $"{services["processor-worker"]!["environment"]!["MagicHourApi__Key"]}");
        Assert.Equal("${LISTEN_ADDRESS:+Not}Development", $"{simulation["DOTNET_ENVIRONMENT"] ?? simulation["<<"]!["DOTNET_ENVIRONMENT"]}");
        Assert.Equal($"{services["ingress-api"]!["environment"]!["MagicHour__WebhookSecrets__0"]}", $"{simulation["Simulation__Webhook__Secret"]}");
        Assert.Equal((Stack.LocalMagicHourKey, "127.0.0.1:8090:8090"), ($"{simulation["Simulation__ApiKey"]}", $"{services["magic-hour"]!["ports"]![0]}"));
    }

    [Theory]
    [InlineData("0.0.0.0", "http://127.0.0.1:8080")]
    [InlineData("10.1.2.3", "http://10.1.2.3:8080")]
    public void Every_default_secret_is_named_when_others_could_reach_it(string address, string url)
    {
        var settings = ComposeSettings.Parse(Resolved.Replace("127.0.0.1", address, StringComparison.Ordinal));

        Assert.Equal(["BROKER_PASSWORD", "DATABASE_PASSWORD", "MAGIC_HOUR_WEBHOOK_SECRET", "OPERATIONS_API_KEY", "MAGIC_HOUR_API_KEY"], settings.FindMissing());
        Assert.Equal((url, null), (settings.IngressUrl, settings.MagicHourUrl));
    }

    [Fact]
    public void A_dollar_in_a_secret_is_one_dollar()
    {
        var configuration = JsonNode.Parse(Resolved)!;
        configuration["services"]!["ingress-api"]!["environment"]!["MagicHour__WebhookSecrets__0"] = "mhw_a$$b";

        Assert.Equal("mhw_a$b", ComposeSettings.Parse(configuration.ToJsonString()).WebhookSecret);
    }

    private static string[] Ports(string compose) =>
        [.. YamlText.Parse(compose)["services"]!.AsObject().SelectMany(service => service.Value!["ports"]?.AsArray() ?? []).Select(port => $"{port}")];

    [GeneratedRegex(@"<<: \[\*environment, \*broker\b")]
    private static partial Regex Environment();
}
