using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Platform.DevStack;
using Platform.ServiceDefaults.Hosting;
using Platform.Simulator.MagicHour;

namespace Platform.Cli.Tests;

/// <summary><c>./platform</c> as a process, in a checkout of its own that has nothing but the program.</summary>
public sealed class ProgramTests : IDisposable
{
    private const string UnprivilegedUser = "65534";

    private readonly string _checkout = Directory.CreateTempSubdirectory("platform-").FullName;
    private readonly string _program;

    public ProgramTests()
    {
        // As the build lays it out: the checkout is where Platform.sln is, above the program.
        _program = Path.Combine(_checkout, "artifacts", "bin", "Platform.Cli", "release");
        Directory.CreateDirectory(_program);
        Directory.CreateDirectory(InCheckout("tests"));
        Directory.CreateDirectory(InCheckout(".local", "native"));
        File.WriteAllText(InCheckout("Platform.sln"), "");
        // Copies: a link would lead the program back to this checkout.
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Concat(Directory.GetFiles(AppContext.BaseDirectory, "Platform.Cli.*.json")))
        {
            File.Copy(file, Path.Combine(_program, Path.GetFileName(file)));
        }

        // Another user may look into it.
        File.SetUnixFileMode(_checkout, (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => Directory.Delete(_checkout, recursive: true);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(2, "./platform send: --count must be a number from 1 to 1000000, not 'abc'. See ./platform send --help.\n", "send", "--count", "abc")]
    [InlineData(1, "Nothing is up here: run ./platform up first, or give --url and --secret.\n", "send")]
    [InlineData(1, "./platform: Connection refused (127.0.0.1:9)\n", "send", "--url", "http://127.0.0.1:9", "--secret", "x")]
    public async Task Errors_are_one_line(int exitCode, string line, params string[] args)
    {
        var result = await RunAsync([], args);

        Assert.Equal((exitCode, line), (result.ExitCode, result.Error));
    }

    /// <summary>The program in the worker's image.</summary>
    [Theory]
    [InlineData("Give a key of the operations API at http://127.0.0.1:8081: --key, or OPERATIONS_KEY.\n", "jobs")]
    [InlineData("Give a key of the operations API at http://127.0.0.1:9: --key, or OPERATIONS_KEY.\n", "parked", "error", "--url", "http://127.0.0.1:9")]
    [InlineData("The operations API at http://127.0.0.1:9/ does not answer: Connection refused (127.0.0.1:9)\n", "jobs", "--url", "http://127.0.0.1:9", "--key", "x")]
    public async Task The_verbs_of_the_operations_API_are_a_program_of_their_own(string line, params string[] args)
    {
        var result = await Machine.RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "operations.dll"), .. args], Cancel);

        Assert.Equal((1, line), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task An_address_in_the_environment_is_checked_like_one_on_the_command_line()
    {
        var result = await Machine.RunAsync(
            "env", ["OPERATIONS_URL=127.0.0.1:8081", "OPERATIONS_KEY=x", "dotnet", Path.Combine(AppContext.BaseDirectory, "operations.dll"), "jobs"], Cancel);

        Assert.Equal((1, "OPERATIONS_URL must be the address of the operations API, such as http://127.0.0.1:8081.\n"), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task The_program_of_the_operations_API_has_the_version_of_the_platform()
    {
        var result = await Machine.RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "operations.dll"), "--version"], Cancel);

        Assert.Equal((0, $"operations {BuildVersion.Text}\n"), (result.ExitCode, result.Output));
    }

    [Fact]
    public async Task The_version_is_printed_in_one_line()
    {
        var result = await RunAsync([], "--version");

        Assert.Equal((0, $"platform {BuildVersion.Text}\n", ""), (result.ExitCode, result.Output, result.Error));
    }

    [Fact]
    public async Task The_script_knows_the_version()
    {
        await InstallScriptAsync();

        var result = await Machine.RunAsync(InCheckout("platform"), ["--version"], Cancel, "/");

        Assert.Equal((0, $"platform {BuildVersion.Text}\n"), (result.ExitCode, result.Output));
    }

    [Fact]
    public async Task A_receivers_key_is_printed_for_each_secret()
    {
        var result = await RunAsync(
            [], "webhook-secret", "--url", "https://EXAMPLE.com/hooks", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "--secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");

        Assert.Equal((0, "audience: https://example.com:443\n"), (result.ExitCode, result.Error));
        // The vectors of WebhookSecretTests.
        Assert.Equal(
            "whsec_+lbvkg5xjcJbIrQmpQHTOZekQ5rD88EDrlA48LgOV7E=\nwhsec_xIXbgKNPF8lxHhh8GsjTtLSWAERgCAx13+1vUcRm1Xo=\n", result.Output);
    }

    [Fact]
    public async Task An_unexpected_exception_is_two_lines_and_its_stack_trace_is_to_be_asked_for()
    {
        // Well-formed, and not what it should hold: no one has thought of that.
        await File.WriteAllTextAsync(InCheckout(".local", "stack.json"), """{"IngressUrl":"nonsense","Secret":"x"}""", Cancel);

        var described = await RunAsync([], "send");
        var traced = await RunAsync(["PLATFORM_TRACE=1"], "send");

        Assert.Equal((1, 2), (described.ExitCode, described.Error.TrimEnd().Split('\n').Length));
        Assert.Contains("PLATFORM_TRACE=1", described.Error, StringComparison.Ordinal);
        Assert.Contains("   at ", traced.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_of_state_is_named()
    {
        await File.WriteAllTextAsync(InCheckout(".local", "stack.json"), "{\"Kind\":", Cancel);

        var result = await RunAsync([], "down");

        Assert.Equal((1, $"{InCheckout(".local", "stack.json")} cannot be read: stop the processes it names by hand, then delete it.\n"), (result.ExitCode, result.Error));
    }

    [Theory]
    [InlineData("http_proxy")]
    [InlineData("ALL_PROXY")]
    public async Task This_machine_is_reached_although_the_environment_names_a_proxy(string variable)
    {
        await using var ingress = WebApplication.CreateSlimBuilder().Build();
        ingress.Urls.Add("http://127.0.0.1:0");
        ingress.MapPost("/webhook", () => Results.Ok());
        await ingress.StartAsync(Cancel);

        var result = await RunAsync([$"{variable}=http://127.0.0.1:9"], "send", "--url", ingress.Urls.First(), "--secret", "x");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task Listen_forwards_each_event_signed_reconnects_and_resumes_where_it_stopped()
    {
        const string Body = """{"type":"video.completed","payload":{"id":"a"}}""";
        var (positions, forwarded) = (new List<string>(), new List<string>());
        // Each connection brings one event and ends; the third is refused for good.
        await using var api = WebApplication.CreateSlimBuilder().Build();
        api.Urls.Add("http://127.0.0.1:0");
        api.MapGet("/ops/events/stream", (HttpRequest request) =>
        {
            positions.Add($"{request.Query["type"]} {request.Headers["Last-Event-ID"]}");
            return positions.Count % 3 == 0
                ? Results.Problem("That is enough.", statusCode: StatusCodes.Status410Gone)
                : Results.Text(
                    $"event: heartbeat\nid: {positions.Count}.0\ndata: {{}}\n\nevent: event\nid: {positions.Count}.1\n"
                    + $"data: {{\"eventId\":\"e{positions.Count}\",\"type\":\"video.completed\",\"jobId\":\"a\\u001b\",\"processedAt\":\"2026-11-30T12:00:00Z\"}}\n\n",
                    "text/event-stream");
        });
        api.MapGet("/ops/events/{id}", (string id) => Results.Text($$"""{"bodies":[{"body":{{Body}},"raw":null}]}""", "application/json"));
        api.MapPost("/hook", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            var body = await reader.ReadToEndAsync(Cancel);
            var isSigned = request.Headers[Signing.SignatureHeader] == Signing.Sign("x", $"{request.Headers[Signing.TimestampHeader]}", System.Text.Encoding.UTF8.GetBytes(body));
            forwarded.Add($"{isSigned} {body}");
            return Results.StatusCode(forwarded.Count == 1 ? 500 : 200);
        });
        await api.StartAsync(Cancel);
        string[] listen = ["listen", "--type", "video.completed", "--url", api.Urls.First(), "--key", "k", "--forward", $"{api.Urls.First()}/hook", "--secret", "x"];

        var first = await RunAsync([], listen);
        var second = await RunAsync([], listen);

        Assert.Equal("2026-11-30T12:00:00Z video.completed a\uFFFD e1 -> 500\n2026-11-30T12:00:00Z video.completed a\uFFFD e2 -> 200\n", first.Output);
        Assert.Equal(1, first.ExitCode);
        Assert.Contains("That is enough. Remove ", first.Error, StringComparison.Ordinal);
        Assert.Equal(["video.completed ", "video.completed 1.1", "video.completed 2.1", "video.completed 2.1", "video.completed 4.1", "video.completed 5.1"], positions);
        Assert.Equal([$"True {Body}", $"True {Body}", $"True {Body}", $"True {Body}"], forwarded);
        Assert.Equal(1, second.ExitCode);
    }

    [Fact]
    public async Task Down_by_another_user_is_not_permitted_and_ends()
    {
        Assert.SkipUnless(Machine.IsRoot, "Only root can start something as another user.");
        var daemons = new DaemonRegistry(InCheckout(".local", "native", "daemons.json"));
        var ofRoot = Daemon.Start("ingress", "/dev/null", "sleep", ["300"]);
        daemons.Add(ofRoot);
        await using var end = new Ending(() => daemons.KillAsync(CancellationToken.None));

        var result = await Machine.RunAsync("setpriv", [$"--reuid={UnprivilegedUser}", $"--regid={UnprivilegedUser}", "--clear-groups", "dotnet", Program, "down"], Cancel);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"Not permitted: process {ofRoot.Pid} was started by another user", result.Error, StringComparison.Ordinal);
        Assert.True(ofRoot.IsAlive);
    }

    [Fact]
    public async Task The_script_may_be_called_by_a_symbolic_link()
    {
        await InstallScriptAsync();
        var link = Path.Combine(Directory.CreateDirectory(InCheckout("a folder elsewhere")).FullName, "p");
        File.CreateSymbolicLink(link, "../platform");

        var result = await Machine.RunAsync(link, ["send", "--count", "abc"], Cancel, "/");

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
    }

    private string Program => Path.Combine(_program, "Platform.Cli.dll");

    private string InCheckout(params string[] path) => Path.Combine([_checkout, .. path]);

    // With the stamp of a build, so that it builds nothing.
    private Task InstallScriptAsync()
    {
        File.Copy(Path.Combine(Machine.Root, "platform"), InCheckout("platform"));
        return File.WriteAllTextAsync(InCheckout("artifacts", "Platform.Cli.stamp"), "", Cancel);
    }

    private Task<ProgramResult> RunAsync(string[] variables, params string[] args) =>
        Machine.RunAsync("env", ["-u", "no_proxy", "-u", "NO_PROXY", .. variables, "dotnet", Program, .. args], Cancel);

    private sealed class Ending(Func<Task> end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => new(end());
    }
}
