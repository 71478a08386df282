using Platform.LocalStack;
using Processor.Worker.Release;

namespace Processor.Worker.Tests;

/// <summary>The service as a process: what it does with a command line and settings that it cannot work with.</summary>
public sealed class StartingTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Database = "ConnectionStrings__Postgres=Host=localhost;Password=hush";

    [Theory]
    [InlineData("ConnectionStrings__RabbitMq", Database)]
    [InlineData("ConnectionStrings__Postgres", Broker)]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=Server at localhost")]
    [InlineData("SettingsDirectory", Broker, Database, "SettingsDirectory=/nowhere")]
    [InlineData("Events__InWork", Broker, Database, "Events__InWork=0")]
    [InlineData("Events__InWork", Broker, Database, "Events__InWork=all")]
    [InlineData("Outbox__ChunkSize", Broker, Database, "Outbox__ChunkSize=0")]
    [InlineData("Outbox__SweepInterval", Broker, Database, "Outbox__SweepInterval=00:00:00")]
    [InlineData("Outbox__PublishTimeout", Broker, Database, "Outbox__PublishTimeout=01:00:00")]
    [InlineData("Broker__ExpectedNodes", Broker, Database, "Broker__ExpectedNodes=0")]
    [InlineData("Broker__ManagementUrl", Broker, Database, "Broker__ManagementUrl=ftp://rabbitmq")]
    [InlineData("Notifications__InWork", Broker, Database, "Notifications__InWork=0")]
    [InlineData("Notifications__PerSecond", Broker, Database, "Notifications__PerSecond=0")]
    [InlineData("Notifications__PollInterval", Broker, Database, "Notifications__PollInterval=00:02:00")]
    [InlineData("Notifications__SendTimeout", Broker, Database, "Notifications__SendTimeout=00:00:30")]
    [InlineData("Email__From", Broker, Database, "Email__Host=localhost")]
    [InlineData("Email__From", Broker, Database, "Email__Host=localhost", "Email__From=nobody")]
    [InlineData("Email__Port", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__Port=0")]
    [InlineData("Email__Password", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__User=me")]
    [InlineData("Email__Security", Broker, Database, "Email__Security=Perhaps")]
    [InlineData("Email__Security", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__User=me", "Email__Password=hush", "Email__Security=None")]
    [InlineData("OutgoingWebhooks__Secrets__0", Broker, Database, "OutgoingWebhooks__Secrets__0=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("OutgoingWebhooks__Secrets__1", Broker, Database, "OutgoingWebhooks__Secrets__0=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "OutgoingWebhooks__Secrets__1=whsec_hush")]
    [InlineData("OutgoingWebhooks__AllowedTargets__0", Broker, Database, "OutgoingWebhooks__AllowedTargets__0=hooks.internal")]
    [InlineData("Operations__ApiKeys__0", Broker, Database, "Operations__ApiKeys__0= ")]
    [InlineData("Jaeger__BaseUrl", Broker, Database, "Jaeger__BaseUrl=jaeger:16686")]
    public async Task A_wrong_setting_is_named(string name, params string[] settings)
    {
        var (exitCode, lines) = await RunAsync([], settings);

        Assert.Equal((1, "processor-worker does not start with these settings:"), (exitCode, lines[0]));
        Assert.StartsWith($"{name}:", Assert.Single(lines[1..]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_wrong_settings_are_named_at_once_and_no_password()
    {
        var (_, lines) = await RunAsync(
            [], "ConnectionStrings__RabbitMq=http://user:hush@localhost", "Events__InWork=0", "Outbox__ChunkSize=x", "Outbox__PublishTimeout=0");

        Assert.Equal(
            ["ConnectionStrings__Postgres", "ConnectionStrings__RabbitMq", "Events__InWork", "Outbox__ChunkSize", "Outbox__PublishTimeout"],
            lines[1..].Select(line => line.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("hush", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("grow")]
    [InlineData("--roles")]
    [InlineData("--roles", "consume,everything")]
    [InlineData("release")]
    [InlineData("release", "--error", "--dead")]
    [InlineData("release", "--error", "--dryrun")]
    [InlineData("release", "--error", "--id", "--dry-run")]
    [InlineData("release", "--error", "--id")]
    [InlineData("--role=notify")]
    [InlineData("--urls", "http://127.0.0.1:0", "grow")]
    [InlineData("migrate", "--urls")]
    public async Task A_command_line_that_is_not_understood_explains_itself(params string[] arguments)
    {
        var (exitCode, lines) = await RunAsync(arguments, Broker, Database);

        Assert.Equal(2, exitCode);
        Assert.Contains(lines, line => line.StartsWith("Processor.Worker migrate", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_setting_may_be_a_file_of_the_settings_directory()
    {
        var folder = Directory.CreateTempSubdirectory().FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "Events__InWork"), "0\n", TestContext.Current.CancellationToken);

        var (_, lines) = await RunAsync([], Broker, Database, $"SettingsDirectory={folder}");

        Assert.StartsWith("Events__InWork:", Assert.Single(lines[1..]), StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Migrate_says_why_it_fails()
    {
        var (exitCode, lines) = await RunAsync(["migrate"], Broker, "ConnectionStrings__Postgres=Host=127.0.0.1;Port=1;Password=hush");

        Assert.Equal(1, exitCode);
        Assert.StartsWith("migrate failed: Failed to connect to 127.0.0.1:1", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain(lines, line => line.Contains("hush", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Roles.All)]
    [InlineData(Roles.Consume, "--roles", "consume")]
    [InlineData(Roles.Notify | Roles.Api, "--roles", "notify, api")]
    [InlineData(Roles.Notify, "--roles=notify")]
    public void Roles_are_all_unless_some_are_named(object expected, params string[] arguments)
    {
        Assert.True(Arguments.TryParse([.. arguments, "--urls", "http://*:1"], out var parsed, out _));
        Assert.Equal(expected, parsed.Roles);
        Assert.Equal(["--urls", "http://*:1"], parsed.Host);
    }

    [Theory]
    [InlineData(ReleaseSource.Error, false, new string[0], "--error")]
    [InlineData(ReleaseSource.Dead, true, new string[0], "--dry-run", "--dead")]
    [InlineData(ReleaseSource.Quarantined, false, new[] { "a", "B" }, "--id", "a", "--quarantined", "--id", "B")]
    public void Release_is_told_where_and_what(object source, bool isDryRun, string[] ids, params string[] options)
    {
        Assert.True(Arguments.TryParse(["release", .. options], out var parsed, out _));
        Assert.Equal(((Verb?)Verb.Release, (ReleaseSource)source, isDryRun), (parsed.Verb, parsed.Release!.Source, parsed.Release.IsDryRun));
        Assert.Equal(ids, parsed.Release.Ids.Order(StringComparer.OrdinalIgnoreCase));
        Assert.Equal(ids.Length == 0, parsed.Release.Includes("another"));
        Assert.All(ids, id => Assert.True(parsed.Release.Includes(id.ToUpperInvariant())));
    }

    [Theory]
    [InlineData("migrate", "--urls", "http://*:1")]
    [InlineData("--urls", "http://*:1", "migrate")]
    [InlineData("--urls=http://*:1", "migrate")]
    public void The_verb_may_stand_anywhere(params string[] arguments)
    {
        Assert.True(Arguments.TryParse(arguments, out var parsed, out _));
        Assert.Equal(Verb.Migrate, parsed.Verb);
        Assert.Equal(["--urls", "http://*:1"], parsed.Host);
    }

    [Fact]
    public void A_setting_may_be_an_argument()
    {
        Assert.True(Arguments.TryParse(["--Events:InWork=5"], out var parsed, out _));
        Assert.Equal(["--Events:InWork", "5"], parsed.Host);
    }

    private static async Task<(int ExitCode, string[] ErrorLines)> RunAsync(string[] arguments, params string[] settings)
    {
        var assembly = typeof(ProcessorMetrics).Assembly.Location;
        var result = await Machine.RunAsync(
            "env",
            [.. settings, "ASPNETCORE_URLS=http://127.0.0.1:0", "dotnet", assembly, .. arguments],
            TestContext.Current.CancellationToken,
            Path.GetDirectoryName(assembly));
        return (result.ExitCode, result.Error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
    }
}
