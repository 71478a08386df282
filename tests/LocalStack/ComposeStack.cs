using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Platform.LocalStack;

/// <summary>
/// The whole platform by docker-compose.yml, as a project of this checkout alone: neither another checkout's stack nor one that was
/// started by hand is ever stopped or purged from here.
/// </summary>
public static class ComposeStack
{
    // As docker-compose.yml publishes them.
    private const string IngressUrl = "http://127.0.0.1:8080";
    private const string Postgres = "Host=127.0.0.1;Port=15432;Database=platform;Username=platform;Password=platform";
    private const string RabbitMq = "amqp://platform:platform@127.0.0.1:15673/";

    // What is of a profile is left alone by compose, also when it stops the rest, unless the profile is named.
    private static readonly string[] Observability = ["--profile", "observability"];
    private static readonly string[] Up = ["up", "--build", "--detach", "--wait"];

    private static readonly string Project = $"platform-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Machine.Root)))[..8]}";

    public static async Task<Stack> StartAsync(CancellationToken cancellationToken, bool withPrometheus = false)
    {
        var secret = await ReadSecretAsync(cancellationToken);
        var links = new Dictionary<string, string>
        {
            ["ingress"] = IngressUrl,
            ["Jaeger"] = "http://127.0.0.1:16686",
            ["RabbitMQ management"] = "http://127.0.0.1:15672 (platform, platform)",
            ["PostgreSQL"] = "psql postgresql://platform:platform@127.0.0.1:15432/platform",
            ["logs"] = $"docker compose -p {Project} logs",
        };
        if (withPrometheus)
        {
            links["Prometheus"] = "http://127.0.0.1:9090";
            links["Grafana"] = "http://127.0.0.1:3000";
        }

        var stack = new Stack(StackKind.Docker, IngressUrl, secret, Postgres, RabbitMq, links);
        // Before the start: down must find what a start leaves behind that fails or is interrupted.
        stack.Save();
        await ComposeAsync(
            withPrometheus ? [.. Observability, .. Up] : Up,
            "up",
            "'./platform down' takes away what it left behind; './platform up --native' does without Docker.",
            cancellationToken);
        return stack;
    }

    public static async Task<bool> IsUpAsync(CancellationToken cancellationToken)
    {
        var running = await Machine.RunAsync("docker", ["compose", "-p", Project, "ps", "--status", "running", "--services"], cancellationToken);
        // The last that is started.
        return running.Succeeded && running.Output.Contains("load-balancer", StringComparison.Ordinal);
    }

    public static Task StopAsync(CancellationToken cancellationToken) =>
        ComposeAsync([.. Observability, "down"], "down", "Its containers may still run.", cancellationToken);

    public static Task PurgeAsync(CancellationToken cancellationToken) =>
        ComposeAsync([.. Observability, "down", "--volumes"], "down", "Its data may still be there.", cancellationToken);

    /// <summary>As Compose resolves it: from the environment, an <c>.env</c> file, or the default.</summary>
    private static async Task<string> ReadSecretAsync(CancellationToken cancellationToken)
    {
        var configuration = await Machine.RunAsync("docker", ["compose", "config", "--format", "json"], cancellationToken);
        using var compose = JsonDocument.Parse(configuration.ThrowIfFailed("docker compose config").Output);
        var environment = compose.RootElement.GetProperty("services").GetProperty("ingress-api").GetProperty("environment");
        // What it prints is a compose file again, where a dollar is written twice.
        return environment.GetProperty("MagicHour__WebhookSecrets__0").GetString()!.Replace("$$", "$", StringComparison.Ordinal);
    }

    /// <exception cref="SetupException">It failed; <paramref name="consequence"/> says what that means here.</exception>
    private static async Task ComposeAsync(string[] arguments, string verb, string consequence, CancellationToken cancellationToken)
    {
        if (await Machine.ShowAsync("docker", ["compose", "-p", Project, .. arguments], cancellationToken) != 0)
        {
            throw new SetupException($"docker compose {verb} failed; what it printed above says why. {consequence}");
        }
    }
}
