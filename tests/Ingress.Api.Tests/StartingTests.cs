using System.Security.Cryptography.X509Certificates;
using Platform.DevStack;
using Platform.ServiceDefaults.Hosting;

namespace Ingress.Api.Tests;

/// <summary>The service as a process: its response to settings that it cannot use.</summary>
public sealed class StartingTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Secret = "MagicHour__WebhookSecrets__0=a-secret";
    private const string Collector = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1";

    [Theory]
    [InlineData("MagicHour__WebhookSecrets", Broker)]
    [InlineData("MagicHour__WebhookSecrets__0", Broker, "MagicHour__WebhookSecrets__0=")]
    [InlineData("MagicHour__WebhookSecrets__1", Broker, Secret, "MagicHour__WebhookSecrets__1=  ")]
    [InlineData("MagicHour__WebhookSecrets__0", Broker, "MagicHour__WebhookSecrets__0=\"a-secret\" ")]
    [InlineData("MagicHour__WebhookSecrets__1", Broker, Secret, "MagicHour__WebhookSecrets__1=a\nsecret")]
    [InlineData("ConnectionStrings__RabbitMq", Secret, "ConnectionStrings__RabbitMq=amqp://user:\"hush\"@localhost/")]
    [InlineData("MagicHour__WebhookSecretsDirectory", Broker, "MagicHour__WebhookSecretsDirectory=/nowhere")]
    [InlineData("MagicHour__WebhookSecretsDirectory", Broker, Secret, "MagicHour__WebhookSecretsDirectory=/nowhere")]
    [InlineData("MagicHour__MaxAge", Broker, Secret, "MagicHour__MaxAge=40.00:00:00")]
    [InlineData("MagicHour__MaxAge", Broker, Secret, "MagicHour__MaxAge=a day")]
    [InlineData("MagicHour__FreshFor", Broker, Secret, "MagicHour__FreshFor=02:00:00", "MagicHour__MaxAge=01:00:00")]
    [InlineData("MagicHour__LatePolicy", Broker, Secret, "MagicHour__LatePolicy=Perhaps")]
    [InlineData("MagicHour__LatePolicy", Broker, Secret, "MagicHour__LatePolicy=7")]
    [InlineData("SettingsDirectory", Broker, Secret, "SettingsDirectory=/nowhere")]
    [InlineData("ConnectionStrings__RabbitMq", Secret)]
    [InlineData("ConnectionStrings__RabbitMq", Secret, "ConnectionStrings__RabbitMq=localhost")]
    [InlineData("Ingress__MaxBodyBytes", Broker, Secret, "Ingress__MaxBodyBytes=10")]
    [InlineData("Ingress__MaxBodyBytes", Broker, Secret, "Ingress__MaxBodyBytes=9000000")]
    [InlineData("Ingress__MaxBodyBytesInFlight", Broker, Secret, "Ingress__MaxBodyBytesInFlight=10")]
    [InlineData("Ingress__MaxPublishesInFlight", Broker, Secret, "Ingress__MaxPublishesInFlight=0")]
    [InlineData("Ingress__ReceiveTimeout", Broker, Secret, "Ingress__ReceiveTimeout=00:00:10")]
    [InlineData("Ingress__PublishBudget", Broker, Secret, "Ingress__PublishBudget=00:00:09")]
    [InlineData("Ingress__MaxConnections", Broker, Secret, "Ingress__MaxConnections=many")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=anyone")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=8082")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=http://*:0")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=http://unix:/tmp/management.socket")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=http://*:8082", "ASPNETCORE_URLS=http://*:8082")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=http://127.0.0.1:8082", "ASPNETCORE_URLS=http://*:8082")]
    [InlineData("Ingress__ManagementUrl", Broker, Secret, "Ingress__ManagementUrl=http://127.0.0.1:8082", "Kestrel__Endpoints__Http__Url=http://*:8082")]
    [InlineData("Ingress__MaxBodyBytes", Broker, Secret, "INGRESS__MAXBODYBYTES=abc")]
    [InlineData("Ingress__MaxBodyBytes", Broker, Secret, "ingress__maxbodybytes=10")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", Broker, Secret, "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Broker, Secret, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=127.0.0.1:4318/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", Broker, Secret, Collector, "otel_exporter_otlp_logs_protocol=http")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_HEADERS=hush")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_HEADERS=key=hush,key=hush")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_TIMEOUT=10s")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION=zstd")]
    [InlineData("OTEL_EXPORTER_OTLP_CERTIFICATE", Broker, Secret, Collector, "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere/ca.crt")]
    [InlineData("OTEL_TRACES_SAMPLER", Broker, Secret, Collector, "OTEL_TRACES_SAMPLER=sometimes")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", Broker, Secret, Collector, "OTEL_TRACES_SAMPLER_ARG=10%")]
    [InlineData("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Broker, Secret, Collector, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=10000")]
    [InlineData("OTEL_RESOURCE_ATTRIBUTES", Broker, Secret, Collector, "OTEL_RESOURCE_ATTRIBUTES=staging")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=10")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=10.0.0.7:8080")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=010.0.0.0/8")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=10/8")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=[2001:db8::1]:80")]
    [InlineData("Broker__CertificateAuthorities", Broker, Secret, "Broker__CertificateAuthorities=/nowhere/ca.crt")]
    [InlineData("Broker__CertificateAuthorities", Broker, Secret, "Broker__CertificateAuthorities=/tmp")]
    [InlineData("Broker__CertificateAuthorities", Broker, Secret, "Broker__CertificateAuthorities=/etc/passwd")]
    public async Task A_wrong_setting_is_named(string name, params string[] settings)
    {
        var errors = await StartAsync(settings);

        Assert.StartsWith($"{name}:", Assert.Single(errors), StringComparison.Ordinal);
        Assert.DoesNotContain("hush", errors[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OTEL_METRICS_EXPORTER=prometheus", "OTEL_LOGS_EXPORTER=console")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_HEADERS=hush", "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere/ca.crt")]
    [InlineData("OTEL_TRACES_SAMPLER=xray", "OTEL_BSP_SCHEDULE_DELAY=5s", "OTEL_METRIC_EXPORT_INTERVAL=1m", "OTEL_RESOURCE_ATTRIBUTES=staging")]
    [InlineData(Collector, "OTEL_LOGS_EXPORTER=console", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json", "OTEL_BLRP_SCHEDULE_DELAY=5s")]
    [InlineData(Collector, "OTEL_TRACES_EXPORTER=none", "OTEL_TRACES_SAMPLER=xray", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317", "OTEL_TRACES_EXPORTER=zipkin", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none")]
    [InlineData(Collector, "OTEL_RESOURCE_ATTRIBUTES=team=a%2Cb,place=x%3Dy")]
    [InlineData(Collector, "OTEL_TRACES_EXPORTER=otlp,console")]
    public async Task Settings_of_telemetry_that_is_not_exported_or_that_are_right_are_accepted(params string[] settings)
    {
        var errors = await StartAsync([Broker, Secret, .. settings, "MagicHour__MaxAge=a day"]);

        Assert.StartsWith("MagicHour__MaxAge:", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exporter_that_the_platform_does_not_have_is_warned_of()
    {
        await using var app = new IngressApp(("OTEL_METRICS_EXPORTER", "prometheus"), ("OTEL_LOGS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "otlp"));

        var warning = Assert.Single(app.Log.Lines, line => line.StartsWith("Warning: OTEL_", StringComparison.Ordinal));
        Assert.StartsWith("Warning: OTEL_METRICS_EXPORTER names an exporter", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MagicHour__WebhookSecrets__1", Broker, Secret, "MagicHour__WebhookSecrets__1=mhw_local_development_only")]
    [InlineData("ConnectionStrings__RabbitMq", Secret, "ConnectionStrings__RabbitMq=amqp://platform:platform@localhost/")]
    [InlineData("ConnectionStrings__RabbitMq", Secret, "ConnectionStrings__RabbitMq=amqp://ingress:guest@localhost/")]
    [InlineData("ConnectionStrings__RabbitMq", Secret, "ConnectionStrings__RabbitMq=amqp://localhost/")]
    public async Task A_default_secret_is_rejected_outside_Development(string name, params string[] settings)
    {
        var inProduction = await StartAsync(settings);
        var inDevelopment = await StartAsync([.. settings, "DOTNET_ENVIRONMENT=Development", "MagicHour__MaxAge=a day"]);

        Assert.StartsWith($"{name}:", Assert.Single(inProduction), StringComparison.Ordinal);
        Assert.EndsWith("Development.", inProduction[0], StringComparison.Ordinal);
        Assert.StartsWith("MagicHour__MaxAge:", Assert.Single(inDevelopment), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_default_secrets_are_named_at_once_with_other_errors()
    {
        var folder = Directory.CreateTempSubdirectory().FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "primary"), "mhw_local_development_only\n", TestContext.Current.CancellationToken);

        var errors = await StartAsync(
            "ConnectionStrings__RabbitMq=amqp://platform:platform@localhost/", "MagicHour__WebhookSecrets__0=mhw_local_development_only",
            $"MagicHour__WebhookSecretsDirectory={folder}", "MagicHour__MaxAge=a day");

        Assert.Equal(
            ["ConnectionStrings__RabbitMq", "MagicHour__MaxAge", "MagicHour__WebhookSecretsDirectory", "MagicHour__WebhookSecrets__0"],
            errors.Select(error => error.Split(':')[0]).Order(StringComparer.Ordinal));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_name_that_no_setting_has_is_warned_of_and_ignored()
    {
        await using var app = new IngressApp(("Ingress:MaxBodyByte", "5"), ("INGRESS:PUBLISHBUDGET", "00:00:02"), ("ConnectionStrings:Another", "x"));

        var warning = Assert.Single(app.Log.Lines, line => line.StartsWith("Warning: Ignoring settings", StringComparison.Ordinal));
        Assert.EndsWith(": Ingress__MaxBodyByte", warning.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_wrong_settings_are_named_at_once()
    {
        var errors = await StartAsync(
            "MagicHour__MaxAge=a day", "MagicHour__FreshFor=-1", "Ingress__MaxBodyBytes=10", "ConnectionStrings__RabbitMq=amqp://user:hush@:x/");

        Assert.Equal(
            ["ConnectionStrings__RabbitMq", "Ingress__MaxBodyBytes", "MagicHour__FreshFor", "MagicHour__MaxAge", "MagicHour__WebhookSecrets"],
            errors.Select(error => error.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(errors, error => error.Contains("hush", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_setting_may_be_a_file_of_the_settings_directory_as_Kubernetes_mounts_it()
    {
        var folder = Directory.CreateTempSubdirectory();
        // The mounted version, and a link to it for each key.
        var version = folder.CreateSubdirectory("..2026_11_24").FullName;
        // Windows line ends, and repeated ones, are not part of a setting.
        await File.WriteAllTextAsync(Path.Combine(version, "Ingress__TrustedProxies__0"), "anyone\r\n\r\n", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "..data"), "..2026_11_24");
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "Ingress__TrustedProxies__0"), "..data/Ingress__TrustedProxies__0");

        var errors = await StartAsync(Broker, Secret, $"SettingsDirectory={folder.FullName}");

        Assert.StartsWith("Ingress__TrustedProxies__0: 'anyone' is neither", Assert.Single(errors), StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData]
    [InlineData("SettingsDirectory=/nowhere", "MagicHour__MaxAge=a day")]
    public async Task The_version_is_printed_before_any_setting_is_read(params string[] settings)
    {
        var result = await Machine.RunAsync("env", [.. settings, "dotnet", Services.IngressAssembly, "--version"], TestContext.Current.CancellationToken);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal($"ingress-api {BuildVersion.Text}\n", result.Output);
    }

    [Fact]
    public async Task It_may_end_TLS_itself()
    {
        var folder = Directory.CreateTempSubdirectory();
        string InFolder(string file) => Path.Combine(folder.FullName, file);
        using var certificate = TestCertificate.SelfSigned("localhost");
        using var key = certificate.GetRSAPrivateKey()!;
        await File.WriteAllTextAsync(InFolder("tls.crt"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(InFolder("tls.key"), key.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        var port = Machine.FreePort();
        var assembly = Services.IngressAssembly;
        string[] settings =
        [
            Broker, Secret, $"Kestrel__Endpoints__Https__Url=https://127.0.0.1:{port}",
            $"Kestrel__Certificates__Default__Path={InFolder("tls.crt")}", $"Kestrel__Certificates__Default__KeyPath={InFolder("tls.key")}",
        ];
        var ingress = Daemon.Start(
            "ingress", InFolder("log"), "env", ["-u", "OTEL_EXPORTER_OTLP_ENDPOINT", .. settings, "dotnet", assembly], environment: null,
            Path.GetDirectoryName(assembly));
        try
        {
            using var handler = new HttpClientHandler
            {
                ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown?.Thumbprint == certificate.Thumbprint,
            };
            using var http = new HttpClient(handler);
            await Waiting.UntilAsync("the ingress", ingress, () => IsAnsweredAsync(http, port), TestContext.Current.CancellationToken);
        }
        finally
        {
            await ingress.StopAsync(CancellationToken.None);
            folder.Delete(recursive: true);
        }
    }

    private static async Task<bool> IsAnsweredAsync(HttpClient http, int port)
    {
        try
        {
            using var answer = await http.GetAsync($"https://127.0.0.1:{port}/health/live", TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <returns>The errors, line by line.</returns>
    private static async Task<string[]> StartAsync(params string[] settings)
    {
        var result = await ListeningTests.RunAsync(["ASPNETCORE_URLS=http://127.0.0.1:0", .. settings]);

        Assert.Equal(1, result.ExitCode);
        var lines = result.Error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("ingress-api does not start with these settings:", lines[0]);
        return lines[1..];
    }
}
