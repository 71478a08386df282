using System.Net;
using System.Net.Sockets;
using Platform.ServiceDefaults.Hosting;

namespace Processor.Worker.Tests;

/// <summary>The service as a process: its response to a command line and settings that it cannot use.</summary>
public sealed class StartingTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Database = "ConnectionStrings__Postgres=Host=localhost;Password=hush";
    private const string Authority = "Operations__Oidc__Authority=https://login.example.com";
    private const string Client = "Operations__Oidc__ClientId=console";
    private const string Secret = "Operations__Oidc__ClientSecret=a secret of the console";
    private const string Grant = "Operations__Oidc__Grants__0__Value=on-call";
    private const string Rights = "Operations__Oidc__Grants__0__Rights__0=read";

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
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=hooks.internal")]
    [InlineData("Operations__ApiKeys__0", Broker, Database, "Operations__ApiKeys__0= ")]
    [InlineData("Operations__ApiKeys__1", Broker, Database, "Operations__ApiKeys__0=a key of twenty-four cha", "Operations__ApiKeys__1=a key of twenty-three c")]
    [InlineData("Operations__ApiKeys__0", Broker, Database, "Operations__ApiKeys__0='a key of twenty-four cha'")]
    [InlineData("Operations__ApiKeys__1", Broker, Database, "Operations__ApiKeys__0=a key of twenty-four cha", "Operations__ApiKeys__1=hush, a key of twenty-four\u200b")]
    [InlineData("OutgoingWebhooks__Secrets__0", Broker, Database, "OutgoingWebhooks__Secrets__0=\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"")]
    [InlineData("OutgoingWebhooks__Secrets__0", Broker, Database, "OutgoingWebhooks__Secrets__0=whsec_MfKQ9r8GKYqr\nTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("Email__Password", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__User=me", "Email__Password=hush ")]
    [InlineData("Email__Password", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__User=me", "Email__Password='hush'")]
    [InlineData("Email__User", Broker, Database, "Email__Host=localhost", "Email__From=a@b.example", "Email__User='me'", "Email__Password=hush")]
    [InlineData("ConnectionStrings__RabbitMq", Database, "ConnectionStrings__RabbitMq=amqp://user:hush\n@localhost/")]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=\"Host=localhost;Password=hush\"")]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=Host=localhost;Password=\"hush\n\"")]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=Host=localhost;Username='\"me\"';Password=hush")]
    [InlineData("Notifications__QuickInWork", Broker, Database, "Notifications__QuickInWork=0")]
    [InlineData("Notifications__SlowInWork", Broker, Database, "Notifications__SlowInWork=10001")]
    [InlineData("Notifications__SlowAfter", Broker, Database, "Notifications__SlowAfter=00:00:06")]
    [InlineData("Notifications__SlowAfter", Broker, Database, "Notifications__SlowAfter=00:00:02", "Notifications__SendTimeout=00:00:01")]
    [InlineData("Notifications__SlowAfter", Broker, Database, "Notifications__SlowAfter=00:00:02", "Notifications__SendTimeout=00:00:02")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=10")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=010.0.0.1")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=10.0.0.0/8 ")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=010.0.0.0/8")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=10/8")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=10.0.0.0/033")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=0x0a.0.0.1")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=[2001:db8::1]")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=[2001:db8::1]:80")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=fe80::1%1")]
    [InlineData("OutgoingWebhooks__DeniedTargets__0", Broker, Database, "OutgoingWebhooks__DeniedTargets__0=10.1.2.3:80")]
    [InlineData("OutgoingWebhooks__AllowedTargets__0", Broker, Database, "OutgoingWebhooks__AllowedTargets__0=010.0.0.1:8443")]
    [InlineData("OutgoingWebhooks__AllowedTargets__0", Broker, Database, "OutgoingWebhooks__AllowedTargets__0=10:8443")]
    [InlineData("OutgoingWebhooks__AllowedTargets__0", Broker, Database, "OutgoingWebhooks__AllowedTargets__0=010.0.0.0/8")]
    [InlineData("OutgoingWebhooks__AllowedTargets__0", Broker, Database, "OutgoingWebhooks__AllowedTargets__0=10/8")]
    [InlineData("OutgoingWebhooks__SignWithSharedSecretsUntil", Broker, Database, "OutgoingWebhooks__SignWithSharedSecretsUntil=soon")]
    [InlineData("OutgoingWebhooks__SignWithSharedSecretsUntil", Broker, Database, "OutgoingWebhooks__SignWithSharedSecretsUntil=10:00")]
    [InlineData("OutgoingWebhooks__SignWithSharedSecretsUntil", Broker, Database, "OutgoingWebhooks__SignWithSharedSecretsUntil=2027-03-31")]
    [InlineData("OutgoingWebhooks__SignWithSharedSecretsUntil", Broker, Database, "OutgoingWebhooks__SignWithSharedSecretsUntil=2027-03-31T00:00:00")]
    [InlineData("OutgoingWebhooks__SignWithSharedSecretsUntil", Broker, Database, "OutgoingWebhooks__SignWithSharedSecretsUntil=03/31/2027 00:00 +00:00")]
    [InlineData("Operations__Oidc__Authority", Broker, Database, "Operations__Oidc__Authority=login.example.com", Client, Secret, Grant, Rights)]
    [InlineData("Operations__Oidc__Authority", Broker, Database, "Operations__Oidc__Authority=http://login.example.com", Client, Secret, Grant, Rights)]
    [InlineData("Operations__Oidc__ClientId", Broker, Database, Authority, Secret, Grant, Rights)]
    [InlineData("Operations__Oidc__ClientSecret", Broker, Database, Authority, Client, Grant, Rights)]
    [InlineData("Operations__Oidc__Grants__0__Value", Broker, Database, Authority, Client, Secret)]
    [InlineData("Operations__Oidc__Grants__0__Value", Broker, Database, Authority, Client, Secret, Rights)]
    [InlineData("Operations__Oidc__Grants__0__Rights", Broker, Database, Authority, Client, Secret, Grant)]
    [InlineData("Operations__Oidc__Grants__0__Rights", Broker, Database, Authority, Client, Secret, Grant, "Operations__Oidc__Grants__0__Rights__0=everything")]
    [InlineData("Operations__Oidc__NameClaim", Broker, Database, Authority, Client, Secret, Grant, Rights, "Operations__Oidc__NameClaim= ")]
    [InlineData("Operations__Oidc__PublicUrl", Broker, Database, "Operations__Oidc__PublicUrl=ftp://example.com")]
    [InlineData("Operations__Oidc__PublicUrl", Broker, Database, "Operations__Oidc__PublicUrl=https://example.com/operations")]
    [InlineData("Operations__Oidc__PublicUrl", Broker, Database, "Operations__Oidc__PublicUrl=http://example.com")]
    [InlineData("Operations__SignInToken", Broker, Database, "Operations__SignInToken=a token of at least 24 characters")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__0__Name= ")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__0__Name=a studio")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__0__Name=studio!")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__0__Name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("Operations__Keys__0__Name", Broker, Database, "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__0__Name=0123456789abcdef")]
    [InlineData("Operations__Keys__0__Key", Broker, Database, "Operations__Keys__0__Name=studio")]
    [InlineData("Operations__Keys__0__Key", Broker, Database, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key=a key of twenty-three c")]
    [InlineData("Operations__Keys__0__Key", Broker, Database, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key='a key of twenty-four cha'")]
    [InlineData("Operations__Keys__1__Key", Broker, Database, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__Keys__1__Name=shop", "Operations__Keys__1__Key=a key of twenty-four cha")]
    [InlineData("Operations__Keys__0__Key", Broker, Database, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key=a key of twenty-four cha", "Operations__ApiKeys__0=a key of twenty-four cha")]
    [InlineData("Retention__Bodies", Broker, Database, "Retention__Bodies=6.23:59:59")]
    [InlineData("Retention__Bodies", Broker, Database, "Retention__Bodies=-1.00:00:00")]
    [InlineData("Retention__Quarantine", Broker, Database, "Retention__Quarantine=1.00:00:00")]
    [InlineData("Retention__Notifications", Broker, Database, "Retention__Notifications=36501.00:00:00")]
    [InlineData("Retention__Events", Broker, Database, "Retention__Events=119.00:00:00")]
    [InlineData("Retention__Events", Broker, Database, "Retention__Events=43.00:00:00", "Retention__Quarantine=0")]
    [InlineData("Retention__Schedule", Broker, Database, "Retention__Schedule=nightly")]
    [InlineData("Retention__Schedule", Broker, Database, "Retention__Schedule=61 3 * * *")]
    [InlineData("Jaeger__BaseUrl", Broker, Database, "Jaeger__BaseUrl=jaeger:16686")]
    [InlineData("Events__InWork", Broker, Database, "EVENTS__INWORK=all")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", Broker, Database, "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317")]
    [InlineData(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Broker, Database, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json")]
    [InlineData(
        "Events__InWork", Broker, Database, "Events__InWork=all", "OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
        "OTEL_RESOURCE_ATTRIBUTES=team=a%2Cb")]
    [InlineData("Broker__CertificateAuthorities", Broker, Database, "Broker__CertificateAuthorities=/nowhere/ca.crt")]
    [InlineData("Broker__CertificateAuthorities", Broker, Database, "Broker__CertificateAuthorities=/tmp")]
    [InlineData("Broker__CertificateAuthorities", Broker, Database, "Broker__CertificateAuthorities=/etc/passwd")]
    public async Task A_wrong_setting_is_named(string name, params string[] settings)
    {
        var (exitCode, lines) = await RunAsync([], settings);

        Assert.Equal((1, "processor-worker does not start with these settings:"), (exitCode, lines[0]));
        Assert.StartsWith($"{name}:", Assert.Single(lines[1..]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ConnectionStrings__RabbitMq", Database, "ConnectionStrings__RabbitMq=amqp://platform:platform@localhost/")]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=Host=localhost;Username=platform;Password=platform")]
    [InlineData("ConnectionStrings__Postgres", Broker, "ConnectionStrings__Postgres=Host=localhost;Username=worker;Password=postgres")]
    [InlineData("Operations__ApiKeys__0", Broker, Database, "Operations__ApiKeys__0=local_development_only_key")]
    [InlineData("Operations__Keys__0__Key", Broker, Database, "Operations__Keys__0__Name=studio", "Operations__Keys__0__Key=local_development_only_key")]
    [InlineData("OutgoingWebhooks__Secrets__0", Broker, Database, "OutgoingWebhooks__Secrets__0=whsec_bG9jYWxfZGV2ZWxvcG1lbnRfb25seV9vdXQ=")]
    public async Task A_default_secret_is_rejected_outside_Development(string name, params string[] settings)
    {
        var (exitCode, inProduction) = await RunAsync([], settings);
        var (_, inDevelopment) = await RunAsync([], [.. settings, "DOTNET_ENVIRONMENT=Development", "Events__InWork=0"]);

        Assert.Equal(1, exitCode);
        Assert.StartsWith($"{name}:", Assert.Single(inProduction[1..]), StringComparison.Ordinal);
        Assert.EndsWith("Development.", inProduction[1], StringComparison.Ordinal);
        Assert.StartsWith("Events__InWork:", Assert.Single(inDevelopment[1..]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_default_secrets_are_named_at_once_by_a_verb_too()
    {
        var (exitCode, lines) = await RunAsync(
            ["migrate"], "ConnectionStrings__RabbitMq=amqp://platform:platform@localhost/",
            "ConnectionStrings__Postgres=Host=localhost;Username=platform;Password=platform");

        Assert.Equal(1, exitCode);
        Assert.Equal(["ConnectionStrings__Postgres", "ConnectionStrings__RabbitMq"], lines[1..].Select(line => line.Split(':')[0]).Order(StringComparer.Ordinal));
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
    [InlineData("release", "--error", "--id", "nonsense")]
    [InlineData("release", "--quarantined", "--id", "9393771b-625c-52d4-aacd-14b7678086ad")]
    [InlineData("--urls", "nonsense")]
    [InlineData("--urls", "http://127.0.0.1:0;http://127.0.0.1:99999")]
    [InlineData("--contentroot", "/nowhere")]
    [InlineData("-x=1")]
    public async Task A_command_line_that_is_not_understood_explains_itself(params string[] arguments)
    {
        var (exitCode, lines) = await RunAsync(arguments, Broker, Database);

        Assert.Equal(2, exitCode);
        Assert.Contains(lines, line => line.StartsWith("Processor.Worker migrate", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData]
    [InlineData("SettingsDirectory=/nowhere", "ConnectionStrings__RabbitMq=nonsense", "Events__InWork=0")]
    public async Task The_version_is_printed_before_any_setting_is_read(params string[] settings)
    {
        var result = await WorkerProcess.RunAsync(["--version"], settings);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal($"processor-worker {BuildVersion.Text}\n", result.Output);
    }

    [Fact]
    public async Task An_address_in_use_is_named_in_one_line()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var (exitCode, lines) = await RunAsync(["--urls", $"http://{other.LocalEndpoint}"], Broker, Database);

        Assert.Equal((1, $"processor-worker: cannot listen on http://{other.LocalEndpoint}: Address already in use"), (exitCode, Assert.Single(lines)));
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

    private static async Task<(int ExitCode, string[] ErrorLines)> RunAsync(string[] arguments, params string[] settings)
    {
        var result = await WorkerProcess.RunAsync(arguments, settings);
        return (result.ExitCode, result.Error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
    }
}
