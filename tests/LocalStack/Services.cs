namespace Platform.LocalStack;

/// <summary>Our two services as processes, from the build that this program belongs to.</summary>
public static class Services
{
    // artifacts/bin/<project>/<configuration>/: ours tells theirs.
    private static readonly string Configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    /// <summary>Brings schema and topology up to date.</summary>
    /// <returns>What the verb said.</returns>
    public static async Task<string> MigrateAsync(string rabbitMq, string postgres, CancellationToken cancellationToken) =>
        (await RunVerbAsync(rabbitMq, postgres, ["migrate"], cancellationToken)).ThrowIfFailed("migrate").Output;

    /// <summary>Runs a verb of the worker to its end.</summary>
    /// <param name="settings">Further ones.</param>
    public static Task<ProgramResult> RunVerbAsync(
        string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string?>? settings = null) =>
        Machine.RunAsync(
            "env",
            [.. (settings ?? new Dictionary<string, string?>()).Select(setting => $"{setting.Key}={setting.Value}"), .. CommandLine(rabbitMq, postgres, verb)],
            cancellationToken,
            Path.GetDirectoryName(Assembly("Processor.Worker")));

    /// <summary>Runs a verb of the worker to its end, with its output shown.</summary>
    public static Task<int> ShowVerbAsync(string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Machine.ShowAsync("env", CommandLine(rabbitMq, postgres, verb), cancellationToken, Path.GetDirectoryName(Assembly("Processor.Worker")));

    /// <summary>An ingress, not yet started. It serves when it is ready, or live if it need not be ready.</summary>
    public static ServerProcess Ingress(
        string name, string folder, int port, string rabbitMq, string secret, DaemonRegistry daemons,
        bool mustBeReady = true, IReadOnlyDictionary<string, string?>? settings = null) =>
        Create("Ingress.Api", [], name, folder, port, daemons, mustBeReady, settings, new Dictionary<string, string?>
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["MagicHour__WebhookSecrets__0"] = secret,
        });

    /// <summary>A worker, not yet started. It serves when it is ready, or live if it need not be ready.</summary>
    /// <param name="roles">As <c>--roles</c> takes them; all unless told.</param>
    public static ServerProcess Worker(
        string name, string folder, int port, string rabbitMq, string postgres, DaemonRegistry daemons,
        bool mustBeReady = true, IReadOnlyDictionary<string, string?>? settings = null, string? roles = null) =>
        Create("Processor.Worker", roles is null ? [] : ["--roles", roles], name, folder, port, daemons, mustBeReady, settings, new Dictionary<string, string?>
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["ConnectionStrings__Postgres"] = postgres,
        });

    private static ServerProcess Create(
        string project, string[] arguments, string name, string folder, int port, DaemonRegistry daemons, bool mustBeReady,
        IReadOnlyDictionary<string, string?>? settings, Dictionary<string, string?> environment)
    {
        environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        foreach (var (setting, value) in settings ?? new Dictionary<string, string?>())
        {
            environment[setting] = value;
        }

        var assembly = Assembly(project);
        return new ServerProcess(
            name,
            daemons,
            () => Daemon.Start(name, Path.Combine(folder, $"{name}.log"), "dotnet", [assembly, .. arguments], environment, Path.GetDirectoryName(assembly)),
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
        [$"ConnectionStrings__RabbitMq={rabbitMq}", $"ConnectionStrings__Postgres={postgres}", "dotnet", Assembly("Processor.Worker"), .. verb];

    private static string Assembly(string project) =>
        Path.Combine(Machine.Root, "artifacts", "bin", project, Configuration, $"{project}.dll");
}
