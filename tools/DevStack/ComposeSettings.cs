using System.Text.Json.Nodes;
using Npgsql;
using Platform.ServiceDefaults.Broker;
using Platform.ServiceDefaults.Settings;

namespace Platform.DevStack;

/// <summary>The settings of docker-compose.yml as Compose resolves them: from the environment, an <c>.env</c> file, or the defaults.</summary>
/// <param name="ListenAddress">The address on which the load balancer listens.</param>
/// <param name="RabbitMq">The broker, as this machine reaches it.</param>
/// <param name="Postgres">The database, as this machine reaches it.</param>
public sealed record ComposeSettings(string ListenAddress, string WebhookSecret, string OperationsKey, string MagicHourKey, string RabbitMq, string Postgres)
{
    private const string Loopback = "127.0.0.1";

    /// <summary>The load balancer, as this machine reaches it.</summary>
    public string IngressUrl => $"http://{(ListenAddress is "0.0.0.0" or "::" ? Loopback : ListenAddress.Contains(':') ? $"[{ListenAddress}]" : ListenAddress)}:8080";

    /// <summary>The simulated Magic Hour; null when other machines may reach the platform, because it is for development only.</summary>
    public string? MagicHourUrl => ListenAddress == Loopback ? $"http://{Loopback}:8090" : null;

    /// <summary>Who can reach the platform, for people.</summary>
    public string Reach => ListenAddress == Loopback
        ? "this machine only; set LISTEN_ADDRESS and your own secrets to change that (docs/operations.md)"
        : $"anyone who can reach {ListenAddress}, port 8080";

    public static async Task<ComposeSettings> ReadAsync(CancellationToken cancellationToken) => Parse(
        (await Machine.RunAsync("docker", ["compose", "config", "--format", "json"], cancellationToken)).ThrowIfFailed("docker compose config").Output);

    /// <param name="configuration">What <c>docker compose config --format json</c> prints: a compose file in which dollar signs are doubled.</param>
    public static ComposeSettings Parse(string configuration)
    {
        var services = JsonNode.Parse(configuration)!["services"]!;
        string Setting(string service, string name) => $"{services[service]!["environment"]![name]}".Replace("$$", "$", StringComparison.Ordinal);
        var postgres = new NpgsqlConnectionStringBuilder(Setting("migrate", "ConnectionStrings__Postgres")) { Host = Loopback, Port = 15432 };
        return new ComposeSettings(
            $"{services["load-balancer"]!["ports"]![0]!["host_ip"]}",
            Setting("ingress-api", "MagicHour__WebhookSecrets__0"),
            Setting("processor-worker", "Operations__ApiKeys__0"),
            Setting("processor-worker", "MagicHourApi__Key"),
            Setting("migrate", "ConnectionStrings__RabbitMq").Replace("@rabbitmq:5672", $"@{Loopback}:15673", StringComparison.Ordinal),
            postgres.ConnectionString);
    }

    /// <summary>The variables that must be set before other machines may reach the platform; the services do not start without them.</summary>
    public IEnumerable<string> FindMissing()
    {
        var broker = BrokerAddress.Parse(RabbitMq);
        var postgres = new NpgsqlConnectionStringBuilder(Postgres);
        (string Variable, string? Error)[] errors = ListenAddress == Loopback
            ? []
            :
            [
                ("BROKER_PASSWORD", DefaultSecrets.FindPasswordError(broker.User, broker.Password)),
                ("DATABASE_PASSWORD", DefaultSecrets.FindPasswordError(postgres.Username, postgres.Password)),
                ("MAGIC_HOUR_WEBHOOK_SECRET", DefaultSecrets.FindError(WebhookSecret)),
                ("OPERATIONS_API_KEY", DefaultSecrets.FindError(OperationsKey)),
                ("MAGIC_HOUR_API_KEY", DefaultSecrets.FindError(MagicHourKey)),
            ];
        return errors.Where(error => error.Error is not null).Select(error => error.Variable);
    }
}
