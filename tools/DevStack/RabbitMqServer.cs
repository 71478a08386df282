using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Platform.DevStack;

/// <summary>A private RabbitMQ: its own data folder, cookie, port mapper and free ports of the loopback interface.</summary>
public static class RabbitMqServer
{
    /// <summary>Shortens the interval at which the broker refreshes listed queue depths, 5 s by default.</summary>
    public const string AdvancedConfiguration = "[{rabbit, [{quorum_tick_interval, 250}]}].\n";

    /// <summary>The data, below the broker's folder.</summary>
    internal const string Data = "data";

    private const string User = "platform";

    // RabbitMQ 3.10 passes its data folder to df without quotes. With a space in it, the free space is unknown, the disk alarm is off, and
    // Prometheus rejects the metrics, which contain 'NaN'. So the broker gets a path through its own working folder, which df inherits.
    private const string DataFolder = $"/proc/self/cwd/{Data}";

    // The original script, because Debian's wrapper on the PATH requires its own user and folders.
    public static string? FindScript() => Machine.FindProgram(
        "/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server", "rabbitmq-server");

    /// <summary>Starts the broker on a folder, which it initializes on first use.</summary>
    /// <param name="withManagement">Also serve the management UI, its API, and metrics.</param>
    /// <param name="settings">Additional settings, as lines of <c>rabbitmq.conf</c>.</param>
    public static async Task<RabbitMqInstance> StartAsync(
        string folder, bool withManagement, DaemonRegistry daemons, CancellationToken cancellationToken, IEnumerable<string>? settings = null)
    {
        var script = FindScript() ?? throw new InvalidOperationException("RabbitMQ is not installed.");
        var epmd = Machine.FindProgram("epmd") ?? throw new InvalidOperationException("Erlang's epmd is not on the PATH.");
        Directory.CreateDirectory(folder);

        var ports = new RabbitMqPorts(
            Amqp: Machine.FreePort(), Distribution: Machine.FreePort(), Epmd: Machine.FreePort(),
            Management: withManagement ? Machine.FreePort() : null, Metrics: withManagement ? Machine.FreePort() : null);
        var password = WriteConfiguration(folder, ports, settings ?? []);
        var environment = CreateEnvironment(folder, ports);

        // Erlang would otherwise start a port mapper itself and leave it running.
        daemons.Add(Daemon.Start(
            "epmd", Path.Combine(folder, "epmd.log"), epmd, ["-port", $"{ports.Epmd}", "-address", "127.0.0.1"]));
        var uri = $"amqp://{User}:{password}@127.0.0.1:{ports.Amqp}/";
        var process = new ServerProcess(
            "RabbitMQ", daemons, () => Daemon.Start("rabbitmq", Path.Combine(folder, "log"), script, [], environment, folder), token => AnswersAsync(uri, token));
        await process.StartAsync(cancellationToken);
        return new RabbitMqInstance(
            uri,
            ports.Management is { } port ? $"http://127.0.0.1:{port}" : null,
            ports.Metrics is { } metrics ? $"127.0.0.1:{metrics}" : null,
            process,
            folder,
            environment);
    }

    private static string WriteConfiguration(string folder, RabbitMqPorts ports, IEnumerable<string> settings)
    {
        var passwordFile = Path.Combine(folder, "password");
        if (!File.Exists(passwordFile))
        {
            File.WriteAllText(passwordFile, Guid.NewGuid().ToString("N"));
        }

        var password = File.ReadAllText(passwordFile);
        File.WriteAllText(Path.Combine(folder, "rabbitmq.conf"),
            $"""
            listeners.tcp.1 = 127.0.0.1:{ports.Amqp}
            default_user = {User}
            default_pass = {password}
            log.console = true
            log.console.level = warning
            log.file = false
            {(ports.Management is { } management ? $"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}" : "")}
            {(ports.Metrics is { } metrics ? $"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {metrics}" : "")}
            {string.Join('\n', settings)}

            """);
        File.WriteAllText(Path.Combine(folder, "advanced.config"), AdvancedConfiguration);
        File.WriteAllText(Path.Combine(folder, "enabled_plugins"), ports.Management is null ? "[].\n" : "[rabbitmq_management,rabbitmq_prometheus].\n");

        var cookie = Path.Combine(folder, ".erlang.cookie");
        if (!File.Exists(cookie))
        {
            File.WriteAllText(cookie, Guid.NewGuid().ToString("N"));
            File.SetUnixFileMode(cookie, UnixFileMode.UserRead);
        }

        return password;
    }

    private static Dictionary<string, string?> CreateEnvironment(string folder, RabbitMqPorts ports) => new()
    {
        ["HOME"] = folder,
        ["RABBITMQ_NODENAME"] = "platform@localhost",
        ["RABBITMQ_MNESIA_BASE"] = DataFolder,
        ["RABBITMQ_LOG_BASE"] = Path.Combine(folder, "logs"),
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf"),
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(folder, "advanced.config"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "enabled_plugins"),
        ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
        ["RABBITMQ_PID_FILE"] = Path.Combine(folder, "pid"),
        ["RABBITMQ_DIST_PORT"] = $"{ports.Distribution}",
        ["RABBITMQ_NODE_PORT"] = null,
        ["ERL_EPMD_PORT"] = $"{ports.Epmd}",
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        // Idle schedulers that busy-wait would starve other processes on a small machine.
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+sbwt none +sbwtdcpu none +sbwtdio none",
    };

    /// <summary>Whether a client can log in to the broker.</summary>
    public static async Task<bool> AnswersAsync(string uri, CancellationToken cancellationToken)
    {
        try
        {
            var factory = new ConnectionFactory { Uri = new Uri(uri), AutomaticRecoveryEnabled = false };
            await using var connection = await factory.CreateConnectionAsync(cancellationToken);
            return true;
        }
        catch (BrokerUnreachableException)
        {
            return false;
        }
    }

    private sealed record RabbitMqPorts(int Amqp, int Distribution, int Epmd, int? Management, int? Metrics);
}

/// <summary>A running broker.</summary>
/// <param name="ManagementUrl">Null when the management plugin is off.</param>
/// <param name="MetricsAddress">Host and port of its metrics; null when the management plugin is off.</param>
/// <param name="Folder">Holds its configuration and its data.</param>
/// <param name="Environment">Environment that RabbitMQ's tools need to find it.</param>
public sealed record RabbitMqInstance(
    string Uri, string? ManagementUrl, string? MetricsAddress, ServerProcess Process, string Folder, IReadOnlyDictionary<string, string?> Environment)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Deletes the data of a broker that was killed. Started again, it is empty; its address and users stay.</summary>
    public void LoseDisk() => Directory.Delete(Path.Combine(Folder, RabbitMqServer.Data), recursive: true);

    /// <summary>Runs <c>rabbitmqctl</c> against the broker.</summary>
    /// <returns>The output.</returns>
    public Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments) =>
        RunToolAsync("rabbitmqctl", cancellationToken, arguments);

    /// <summary>Runs one of RabbitMQ's tools against the broker, such as <c>rabbitmq-diagnostics</c>.</summary>
    /// <returns>The output.</returns>
    public async Task<string> RunToolAsync(string tool, CancellationToken cancellationToken, params string[] arguments)
    {
        var script = Path.Combine(Path.GetDirectoryName(RabbitMqServer.FindScript())!, tool);
        // On an unhealthy node the tool can wait forever.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        var environment = Environment.Where(variable => variable.Value is not null).Select(variable => $"{variable.Key}={variable.Value}");
        return (await Machine.RunAsync("env", [.. environment, script, .. arguments], patience.Token)).ThrowIfFailed($"{tool} {arguments[0]}").Output;
    }
}
