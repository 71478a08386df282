using System.Net.Http.Headers;
using Platform.DevStack;

namespace Processor.Worker.Tests;

/// <summary>The service as a separate process that does not inherit the tests' environment.</summary>
internal static class WorkerProcess
{
    /// <summary>For a process that needs no broker, or never connects to it.</summary>
    public const string NoBroker = "ConnectionStrings__RabbitMq=amqp://user:hush@127.0.0.1:1/";

    // From its own build output: the tests' folder contains an appsettings.json of either service.
    private static string Assembly => Services.WorkerAssembly;

    /// <summary>Runs the service until it exits.</summary>
    /// <param name="settings">Environment variables, as <c>NAME=value</c>.</param>
    public static Task<ProgramResult> RunAsync(string[] arguments, params string[] settings) => Machine.RunAsync(
        "env",
        [.. settings, "ASPNETCORE_URLS=http://127.0.0.1:0", "dotnet", Assembly, .. arguments],
        TestContext.Current.CancellationToken,
        Path.GetDirectoryName(Assembly));

    /// <summary>Starts the role <c>api</c> and waits until it answers.</summary>
    public static Daemon StartApi(string folder, int port, params string[] settings) => Daemon.Start(
        "worker",
        Path.Combine(folder, "log"),
        "env",
        [.. settings, NoBroker, $"ASPNETCORE_URLS=http://127.0.0.1:{port}", "dotnet", Assembly, "--roles", "api"],
        folder: Path.GetDirectoryName(Assembly));
}

/// <summary>A process in the role <c>api</c>, and a client with its key.</summary>
internal sealed class ApiProcess(TestFolder folder, Daemon daemon, HttpClient http) : IAsyncDisposable
{
    private const string Key = "a-key-of-one-operator-for-tests";

    public HttpClient Http => http;

    public static async Task<ApiProcess> StartAsync(string connectionString, params string[] settings)
    {
        var folder = await TestFolder.CreateAsync(TestContext.Current.CancellationToken);
        var port = Machine.FreePort();
        var daemon = WorkerProcess.StartApi(
            folder.Path, port, [.. settings, $"ConnectionStrings__Postgres={connectionString}", $"Operations__ApiKeys__0={Key}"]);
        folder.Daemons.Add(daemon);
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        await Waiting.UntilAsync("the worker", daemon, async () => await AnswersAsync(http), TestContext.Current.CancellationToken);
        return new ApiProcess(folder, daemon, http);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await daemon.KillAsync(CancellationToken.None);
        await folder.DisposeAsync();
    }

    private static async Task<bool> AnswersAsync(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("/health/live", UriKind.Relative), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
