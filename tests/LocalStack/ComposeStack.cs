namespace Platform.LocalStack;

/// <summary>The whole platform by docker-compose.yml.</summary>
public static class ComposeStack
{
    // As docker-compose.yml publishes them.
    private const string IngressUrl = "http://127.0.0.1:8080";
    private const string Postgres = "Host=127.0.0.1;Port=15432;Database=platform;Username=platform;Password=platform";
    private const string RabbitMq = "amqp://platform:platform@127.0.0.1:15673/";

    public static async Task<Stack> StartAsync(CancellationToken cancellationToken)
    {
        var stack = new Stack(StackKind.Docker, IngressUrl, Stack.LocalSecret, Postgres, RabbitMq, new Dictionary<string, string>
        {
            ["ingress"] = IngressUrl,
            ["Jaeger"] = "http://127.0.0.1:16686",
            ["RabbitMQ management"] = "http://127.0.0.1:15672 (platform, platform)",
            ["PostgreSQL"] = "psql postgresql://platform:platform@127.0.0.1:15432/platform",
            ["logs"] = "docker compose logs",
        });
        // Before the start: down must find what a start leaves behind that fails or is interrupted.
        stack.Save();
        await ComposeAsync(
            ["up", "--build", "--detach", "--wait"],
            cancellationToken,
            "./platform down takes away what it left behind; './platform up --native' does without Docker.");
        return stack;
    }

    public static async Task<bool> IsUpAsync(CancellationToken cancellationToken)
    {
        var running = await Machine.RunAsync("docker", ["compose", "ps", "--status", "running", "--services"], cancellationToken);
        // The last that is started.
        return running.Succeeded && running.Output.Contains("load-balancer", StringComparison.Ordinal);
    }

    public static Task StopAsync(CancellationToken cancellationToken) => ComposeAsync(["down"], cancellationToken);

    public static Task PurgeAsync(CancellationToken cancellationToken) => ComposeAsync(["down", "--volumes"], cancellationToken);

    private static async Task ComposeAsync(string[] arguments, CancellationToken cancellationToken, string advice = "")
    {
        if (await Machine.ShowAsync("docker", ["compose", .. arguments], cancellationToken) != 0)
        {
            throw new SetupException($"docker compose {arguments[0]} failed; what it printed above says why. {advice}");
        }
    }
}
