using Platform.DevStack;

namespace Platform.Faults;

/// <summary>A broker that can be stopped, killed or halted, and started again with its data.</summary>
internal interface IBrokerServer : IAsyncDisposable
{
    /// <summary>For example <c>RabbitMQ 3.10.8</c>.</summary>
    string Version { get; }

    string Uri { get; }

    /// <summary>Starts the broker again and waits until it accepts connections.</summary>
    Task StartAsync(CancellationToken cancellationToken);

    Task StopAsync(CancellationToken cancellationToken);

    Task KillAsync(CancellationToken cancellationToken);

    /// <summary>Suspends the broker: connections stay open and nothing answers.</summary>
    Task HaltAsync(CancellationToken cancellationToken);

    Task ContinueAsync(CancellationToken cancellationToken);

    /// <summary>Runs <c>rabbitmqctl</c> against this broker.</summary>
    Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments);
}

/// <summary>The distribution's RabbitMQ, as a process.</summary>
internal sealed class NativeBroker(RabbitMqInstance instance, string version) : IBrokerServer
{
    public string Version => version;

    public string Uri => instance.Uri;

    public static async Task<NativeBroker> StartAsync(string folder, DaemonRegistry daemons, CancellationToken cancellationToken)
    {
        var instance = await RabbitMqServer.StartAsync(folder, withManagement: false, daemons, cancellationToken);
        var version = await instance.ControlAsync(cancellationToken, "version");
        return new NativeBroker(instance, $"RabbitMQ {version.Trim()}");
    }

    public Task StartAsync(CancellationToken cancellationToken) => instance.Process.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => instance.Process.StopAsync(cancellationToken);

    public Task KillAsync(CancellationToken cancellationToken) => instance.Process.KillAsync(cancellationToken);

    public Task HaltAsync(CancellationToken cancellationToken)
    {
        instance.Process.Halt();
        return Task.CompletedTask;
    }

    public Task ContinueAsync(CancellationToken cancellationToken)
    {
        instance.Process.Continue();
        return Task.CompletedTask;
    }

    public Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments) => instance.ControlAsync(cancellationToken, arguments);

    // The lab's registry owns the daemon and ends it.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>RabbitMQ in a container.</summary>
internal sealed class ContainerBroker : IBrokerServer
{
    private readonly string _name = $"platform-faults-{Guid.NewGuid():N}";
    private readonly string _password = Guid.NewGuid().ToString("N");
    private readonly int _port = Machine.FreePort();

    public string Version { get; private set; } = TestServers.RabbitMqImage;

    public string Uri => $"amqp://platform:{_password}@127.0.0.1:{_port}/";

    public static async Task<ContainerBroker> StartAsync(string folder, CancellationToken cancellationToken)
    {
        var obstacle = await DockerEngine.FindObstacleAsync(cancellationToken)
            ?? await DockerEngine.FindImageObstacleAsync([TestServers.RabbitMqImage], cancellationToken);
        if (obstacle is not null)
        {
            throw new SkippedException(obstacle);
        }

        var configuration = Path.Combine(folder, "advanced.config");
        await File.WriteAllTextAsync(configuration, RabbitMqServer.AdvancedConfiguration, cancellationToken);
        var broker = new ContainerBroker();
        await DockerAsync(
            cancellationToken,
            "run", "--detach", "--name", broker._name, "--hostname", "broker", "--publish", $"127.0.0.1:{broker._port}:5672",
            "--env", "RABBITMQ_DEFAULT_USER=platform", "--env", $"RABBITMQ_DEFAULT_PASS={broker._password}",
            "--volume", $"{configuration}:/etc/rabbitmq/advanced.config:ro", TestServers.RabbitMqImage);
        await broker.WaitAsync(cancellationToken);
        broker.Version = $"RabbitMQ {(await broker.ControlAsync(cancellationToken, "version")).Trim()}";
        return broker;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await DockerAsync(cancellationToken, "start", _name);
        await WaitAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => DockerAsync(cancellationToken, "stop", "--timeout", "30", _name);

    public Task KillAsync(CancellationToken cancellationToken) => DockerAsync(cancellationToken, "kill", _name);

    public Task HaltAsync(CancellationToken cancellationToken) => DockerAsync(cancellationToken, "pause", _name);

    public Task ContinueAsync(CancellationToken cancellationToken) => DockerAsync(cancellationToken, "unpause", _name);

    public Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments) =>
        DockerAsync(cancellationToken, ["exec", _name, "rabbitmqctl", .. arguments]);

    public async ValueTask DisposeAsync() => await Machine.RunAsync("docker", ["rm", "--force", "--volumes", _name], CancellationToken.None);

    private Task WaitAsync(CancellationToken cancellationToken) =>
        Waiting.UntilAsync("the broker's container", () => RabbitMqServer.AnswersAsync(Uri, cancellationToken), cancellationToken);

    private static async Task<string> DockerAsync(CancellationToken cancellationToken, params string[] arguments) =>
        (await Machine.RunAsync("docker", arguments, cancellationToken)).ThrowIfFailed($"docker {arguments[0]}").Output;
}
