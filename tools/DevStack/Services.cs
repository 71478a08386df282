namespace Platform.DevStack;

/// <summary>The platform's two services as processes, from the same build as this program.</summary>
public static class Services
{
    // artifacts/bin/<project>/<configuration>/: the services use the same configuration as this program.
    private static readonly string Configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    // A video that takes a minute at Magic Hour takes six seconds.
    private const string MagicHourSpeed = "10";

    public static string IngressAssembly => Assembly("Ingress.Api");

    public static string WorkerAssembly => Assembly("Processor.Worker");

    /// <summary>The environment of the local stack. Its secrets are defaults, which the services reject in any other environment.</summary>
    internal static KeyValuePair<string, string?> Development { get; } = new("DOTNET_ENVIRONMENT", "Development");

    /// <summary>Migrates schema and topology.</summary>
    /// <returns>The output.</returns>
    public static async Task<string> MigrateAsync(string rabbitMq, string postgres, CancellationToken cancellationToken) =>
        (await RunVerbAsync(rabbitMq, postgres, ["migrate"], cancellationToken)).ThrowIfFailed("migrate").Output;

    /// <summary>Runs a verb of the worker until it exits.</summary>
    /// <param name="settings">Additional settings.</param>
    public static Task<ProgramResult> RunVerbAsync(
        string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string?>? settings = null) =>
        Machine.RunAsync(
            "env",
            [.. (settings ?? new Dictionary<string, string?>()).Select(setting => $"{setting.Key}={setting.Value}"), .. CommandLine(rabbitMq, postgres, verb)],
            cancellationToken,
            Path.GetDirectoryName(WorkerAssembly));

    /// <summary>Runs a verb of the worker against the local stack and shows its output.</summary>
    public static Task<int> ShowVerbAsync(string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Machine.ShowAsync(
            "env", [$"{Development.Key}={Development.Value}", .. CommandLine(rabbitMq, postgres, verb)], cancellationToken,
            Path.GetDirectoryName(WorkerAssembly));

    /// <summary>An ingress, not yet started. It counts as serving once it is ready, or live if it need not be ready.</summary>
    public static ServerProcess Ingress(
        string name, string folder, int port, string rabbitMq, string secret, DaemonRegistry daemons,
        bool mustBeReady = true, IReadOnlyDictionary<string, string?>? settings = null) =>
        Create("Ingress.Api", [], name, folder, port, daemons, mustBeReady, settings, new Dictionary<string, string?>
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["MagicHour__WebhookSecrets__0"] = secret,
        });

    /// <summary>A worker, not yet started. It counts as serving once it is ready, or live if it need not be ready.</summary>
    /// <param name="roles">In the format of <c>--roles</c>; all by default.</param>
    /// <param name="launcher">A program with arguments that executes the worker's command line, which follows; none by default.</param>
    /// <param name="assembly">The worker of another version; by default that of this build.</param>
    public static ServerProcess Worker(
        string name, string folder, int port, string rabbitMq, string postgres, DaemonRegistry daemons,
        bool mustBeReady = true, IReadOnlyDictionary<string, string?>? settings = null, string? roles = null, IReadOnlyList<string>? launcher = null, string? assembly = null) =>
        Create(
            "Processor.Worker", roles is null ? [] : ["--roles", roles], name, folder, port, daemons, mustBeReady, settings, new Dictionary<string, string?>
            {
                ["ConnectionStrings__RabbitMq"] = rabbitMq,
                ["ConnectionStrings__Postgres"] = postgres,
            },
            launcher,
            assembly);

    /// <summary>A simulated Magic Hour, not yet started.</summary>
    internal static ServerProcess MagicHour(string folder, int port, string ingressUrl, string secret, DaemonRegistry daemons)
    {
        var assembly = Assembly("MagicHour.Api");
        var environment = new Dictionary<string, string?>([Development])
        {
            ["Simulation__ListenUrl"] = $"http://127.0.0.1:{port}",
            ["Simulation__ApiKey"] = Stack.LocalMagicHourKey,
            ["Simulation__Webhook__Url"] = $"{ingressUrl}/webhook",
            ["Simulation__Webhook__Secret"] = secret,
            ["Simulation__Speed"] = MagicHourSpeed,
        };
        return new ServerProcess(
            "magic-hour",
            daemons,
            () => Daemon.Start("magic-hour", Path.Combine(folder, "magic-hour.log"), "dotnet", [assembly], environment, Path.GetDirectoryName(assembly)),
            token => SucceedsAsync(port, "/control/calls", token));
    }

    private static ServerProcess Create(
        string project, string[] arguments, string name, string folder, int port, DaemonRegistry daemons, bool mustBeReady,
        IReadOnlyDictionary<string, string?>? settings, Dictionary<string, string?> environment, IReadOnlyList<string>? launcher = null,
        string? assembly = null)
    {
        environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        foreach (var (setting, value) in settings ?? new Dictionary<string, string?>())
        {
            environment[setting] = value;
        }

        assembly ??= Assembly(project);
        string[] command = [.. launcher ?? [], "dotnet", assembly, .. arguments];
        return new ServerProcess(
            name,
            daemons,
            () => Daemon.Start(name, Path.Combine(folder, $"{name}.log"), command[0], command[1..], environment, Path.GetDirectoryName(assembly)),
            token => SucceedsAsync(port, mustBeReady ? "/health/ready" : "/health/live", token));
    }

    internal static async Task<bool> SucceedsAsync(int port, string path, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        try
        {
            using var response = await http.GetAsync($"http://127.0.0.1:{port}{path}", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static string[] CommandLine(string rabbitMq, string postgres, IEnumerable<string> verb) =>
        [$"ConnectionStrings__RabbitMq={rabbitMq}", $"ConnectionStrings__Postgres={postgres}", "dotnet", WorkerAssembly, .. verb];

    private static string Assembly(string project) =>
        Path.Combine(Machine.Root, "artifacts", "bin", project, Configuration, $"{project}.dll");
}
