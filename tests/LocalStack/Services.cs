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
    public static Task<ProgramResult> RunVerbAsync(string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Machine.RunAsync("env", CommandLine(rabbitMq, postgres, verb), cancellationToken, Path.GetDirectoryName(Assembly("Processor.Worker")));

    /// <summary>Runs a verb of the worker to its end, with its output shown.</summary>
    public static Task<int> ShowVerbAsync(string rabbitMq, string postgres, IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Machine.ShowAsync("env", CommandLine(rabbitMq, postgres, verb), cancellationToken, Path.GetDirectoryName(Assembly("Processor.Worker")));

    /// <summary>Starts an ingress and waits until it is live.</summary>
    public static Task<Daemon> StartIngressAsync(
        string name, string folder, int port, string rabbitMq, string secret, IReadOnlyDictionary<string, string?>? settings,
        CancellationToken cancellationToken) =>
        StartAsync("Ingress.Api", name, folder, port, new Dictionary<string, string?>(settings ?? NoSettings)
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["MagicHour__WebhookSecrets__0"] = secret,
        }, cancellationToken);

    /// <summary>Starts a worker and waits until it is live.</summary>
    public static Task<Daemon> StartWorkerAsync(
        string name, string folder, int port, string rabbitMq, string postgres, IReadOnlyDictionary<string, string?>? settings,
        CancellationToken cancellationToken) =>
        StartAsync("Processor.Worker", name, folder, port, new Dictionary<string, string?>(settings ?? NoSettings)
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["ConnectionStrings__Postgres"] = postgres,
        }, cancellationToken);

    /// <summary>Waits until a service says that it is ready.</summary>
    public static async Task WaitUntilReadyAsync(Daemon daemon, int port, CancellationToken cancellationToken) =>
        await Waiting.UntilAsync(daemon.Name, daemon, () => SucceedsAsync(port, "/health/ready", cancellationToken), cancellationToken);

    private static Dictionary<string, string?> NoSettings => [];

    private static async Task<Daemon> StartAsync(
        string project, string name, string folder, int port, Dictionary<string, string?> environment, CancellationToken cancellationToken)
    {
        environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        var assembly = Assembly(project);
        var daemon = Daemon.Start(
            name, Path.Combine(folder, $"{name}.log"), "dotnet", [assembly], environment, Path.GetDirectoryName(assembly));
        await Waiting.UntilAsync(name, daemon, () => SucceedsAsync(port, "/health/live", cancellationToken), cancellationToken);
        return daemon;
    }

    private static async Task<bool> SucceedsAsync(int port, string path, CancellationToken cancellationToken)
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
