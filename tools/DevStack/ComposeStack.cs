using System.Security.Cryptography;
using System.Text;

namespace Platform.DevStack;

/// <summary>
/// The whole platform by docker-compose.yml, as a Compose project of this checkout: stacks of other checkouts and stacks started by hand are
/// never stopped or purged from here.
/// </summary>
public static class ComposeStack
{
    /// <summary>The profile of Prometheus and Grafana.</summary>
    public const string Observability = "observability";

    /// <summary>The profile of a mail server that shows received mail.</summary>
    public const string Mail = "mail";

    private const string OperationsUrl = "http://127.0.0.1:8081";

    private static readonly string Project = $"platform-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Machine.Root)))[..8]}";

    /// <param name="profiles">Services to start in addition to the platform: <see cref="Observability"/>, <see cref="Mail"/>.</param>
    public static async Task<Stack> StartAsync(IReadOnlyCollection<string> profiles, CancellationToken cancellationToken)
    {
        if (profiles.Contains(Mail))
        {
            Environment.SetEnvironmentVariable("EMAIL_HOST", "mailpit");
        }

        var token = Stack.CreateSignInToken();
        Environment.SetEnvironmentVariable("CONSOLE_SIGN_IN_TOKEN", token);
        var settings = await ComposeSettings.ReadAsync(cancellationToken);
        if (settings.FindMissing().ToArray() is { Length: > 0 } missing)
        {
            throw new SetupException($"LISTEN_ADDRESS exposes the platform, but these variables still have publicly known defaults: {string.Join(", ", missing)}. Set your own.");
        }

        var links = new Dictionary<string, string>
        {
            ["ingress"] = settings.IngressUrl,
            ["reached by"] = settings.Reach,
            ["console"] = $"{OperationsUrl}/console (key {settings.OperationsKey})",
            ["Jaeger"] = "http://127.0.0.1:16686",
            ["RabbitMQ management"] = $"http://127.0.0.1:15672 (user and password as in {settings.RabbitMq})",
            ["PostgreSQL"] = $"psql '{PostgresServer.ToUri(settings.Postgres)}'",
            ["logs"] = $"docker compose -p {Project} logs",
        };
        if (profiles.Contains(Observability))
        {
            links["Prometheus"] = "http://127.0.0.1:9090";
            links["Grafana"] = "http://127.0.0.1:3000";
        }

        if (profiles.Contains(Mail))
        {
            links["Mailpit"] = "http://127.0.0.1:8025";
        }

        // It ends at once outside Development, and compose would wait for it.
        string[] withoutMagicHour = settings.MagicHourUrl is null ? ["--scale", "magic-hour=0"] : [];
        if (settings.MagicHourUrl is { } magicHourUrl)
        {
            links["Magic Hour"] = magicHourUrl;
            // Accepted where the simulated Magic Hour is: in Development.
            links["console, signed in"] = Stack.SignInLink(OperationsUrl, token);
        }

        var stack = new Stack(
            StackKind.Docker, settings.IngressUrl, settings.WebhookSecret, settings.Postgres, settings.RabbitMq, links, MagicHourUrl: settings.MagicHourUrl, OperationsUrl: OperationsUrl);
        // Saved before the start, so that down finds the remains of a start that fails or is interrupted.
        stack.Save();
        await ComposeAsync(
            profiles,
            ["up", "--build", "--detach", "--wait", .. withoutMagicHour],
            "Run './platform down' to clean up, or './platform up --native' to run without Docker.",
            cancellationToken);
        return stack;
    }

    public static async Task<bool> IsUpAsync(CancellationToken cancellationToken)
    {
        var running = await Machine.RunAsync("docker", ["compose", "-p", Project, "ps", "--status", "running", "--services"], cancellationToken);
        // The load balancer starts last.
        return running.Succeeded && running.Output.Contains("load-balancer", StringComparison.Ordinal);
    }

    public static Task StopAsync(CancellationToken cancellationToken) =>
        ComposeAsync([Observability, Mail], ["down"], "Its containers may still run.", cancellationToken);

    public static Task PurgeAsync(CancellationToken cancellationToken) =>
        ComposeAsync([Observability, Mail], ["down", "--volumes"], "Its data may still be there.", cancellationToken);

    /// <summary>The command-line options that select profiles.</summary>
    internal static IEnumerable<string> Naming(IEnumerable<string> profiles) => profiles.SelectMany(profile => (string[])["--profile", profile]);

    /// <exception cref="SetupException">The command failed; the message includes <paramref name="consequence"/>.</exception>
    private static async Task ComposeAsync(
        IEnumerable<string> profiles, string[] arguments, string consequence, CancellationToken cancellationToken)
    {
        // Compose ignores services of a profile, even on down, unless the profile is named.
        if (await Machine.ShowAsync("docker", ["compose", "-p", Project, .. Naming(profiles), .. arguments], cancellationToken) != 0)
        {
            throw new SetupException($"docker compose {arguments[0]} failed; see its output above. {consequence}");
        }
    }
}
