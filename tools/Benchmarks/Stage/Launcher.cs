using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Figures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Starts published programs: the services with the settings of their images, and the contestants.</summary>
internal sealed class Launcher(Publication publication, TestFolder folder, string rabbitMq, string postgres, string envelopeFile)
{
    public const string Secret = "mhw_bench_only";

    // In the Dockerfile, for the worker alone.
    private const string FirstGeneration = "DOTNET_GCgen0size";
    private const string FirstGenerationSize = "2000000";

    // The settings in the Dockerfile.
    private static readonly Dictionary<string, string?> ImageSettings = new()
    {
        ["DOTNET_EnableDiagnostics"] = "0",
        ["DOTNET_EnableWriteXorExecute"] = "0",
        ["Logging__Console__FormatterName"] = "json-line",
    };

    private int _started;

    /// <summary>An ingress, not yet started.</summary>
    /// <param name="settings">Additional settings.</param>
    public Contestant Ingress(IReadOnlyDictionary<string, string?>? settings = null) => Service("Ingress.Api", settings, new()
    {
        ["ConnectionStrings__RabbitMq"] = rabbitMq,
        ["MagicHour__WebhookSecrets__0"] = Secret,
    });

    /// <summary>A worker in all roles, not yet started.</summary>
    /// <param name="settings">Additional settings.</param>
    public Contestant Worker(IReadOnlyDictionary<string, string?>? settings = null) => WorkerWith([], settings);

    /// <summary>A worker in the role <c>reconcile</c>, not yet started.</summary>
    /// <param name="settings">Additional settings.</param>
    public Contestant Reconciler(IReadOnlyDictionary<string, string?> settings) => WorkerWith(["--roles", "reconcile"], settings);

    /// <summary>A contestant to compare a service with, not yet started.</summary>
    /// <param name="count">The messages that it will find in its queue.</param>
    /// <param name="database">A database other than the platform's.</param>
    public Contestant Rival(string name, DrainCount count = default, string? database = null) => CreateRival(name, count, database, []);

    /// <summary>A contestant to compare the worker with, with the runtime settings of the worker's image; not yet started.</summary>
    public Contestant Peer(string name) =>
        CreateRival(name, count: default, database: null, new(ImageSettings) { [FirstGeneration] = FirstGenerationSize });

    private Contestant WorkerWith(string[] arguments, IReadOnlyDictionary<string, string?>? settings) => Service(
        "Processor.Worker",
        settings,
        new()
        {
            ["ConnectionStrings__RabbitMq"] = rabbitMq,
            ["ConnectionStrings__Postgres"] = postgres,
            [FirstGeneration] = FirstGenerationSize,
        },
        arguments);

    private Contestant CreateRival(string name, DrainCount count, string? database, Dictionary<string, string?> environment)
    {
        var port = Machine.FreePort();
        string[] options =
        [
            "--url", $"http://127.0.0.1:{port}", "--secret", Secret, "--rabbitmq", rabbitMq, "--postgres", database ?? postgres,
            "--messages", $"{count.Total}", "--warm-up", $"{count.WarmUp}", "--envelope", envelopeFile,
        ];
        string[] commandLine = [publication.Find("Benchmarks"), ContestantCommand.Name, name, .. options];
        return Create(name, port, commandLine, environment, log => Task.FromResult(Announcement.IsReady(log)));
    }

    private Contestant Service(
        string project, IReadOnlyDictionary<string, string?>? settings, Dictionary<string, string?> environment, string[]? arguments = null)
    {
        var port = Machine.FreePort();
        environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        foreach (var (setting, value) in ImageSettings.Concat(settings ?? new Dictionary<string, string?>()))
        {
            environment[setting] = value;
        }

        return Create(project, port, [publication.Find(project), .. arguments ?? []], environment, _ => IsReadyAsync(port));
    }

    private Contestant Create(
        string name, int port, string[] commandLine, Dictionary<string, string?> environment, Func<string, Task<bool>> isReady)
    {
        var log = Path.Combine(folder.Path, $"{name}-{Interlocked.Increment(ref _started)}.log");
        var process = new ServerProcess(
            name,
            folder.Daemons,
            () => Daemon.Start(name, log, "dotnet", commandLine, environment, Path.GetDirectoryName(commandLine[0])),
            _ => isReady(log));
        return new Contestant(process, port);
    }

    private static async Task<bool> IsReadyAsync(int port)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        try
        {
            using var response = await http.GetAsync($"http://127.0.0.1:{port}/health/ready");
            return response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }
}
