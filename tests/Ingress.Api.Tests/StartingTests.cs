using System.Security.Cryptography.X509Certificates;
using Platform.LocalStack;

namespace Ingress.Api.Tests;

/// <summary>The service as a process: what it does with settings that it cannot work with.</summary>
public sealed class StartingTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Secret = "MagicHour__WebhookSecrets__0=a-secret";

    [Theory]
    [InlineData("MagicHour__WebhookSecrets", Broker)]
    [InlineData("MagicHour__WebhookSecrets__0", Broker, "MagicHour__WebhookSecrets__0=")]
    [InlineData("MagicHour__WebhookSecrets__1", Broker, Secret, "MagicHour__WebhookSecrets__1=  ")]
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
    [InlineData("Ingress__PublishBudget", Broker, Secret, "Ingress__PublishBudget=00:00:09")]
    [InlineData("Ingress__MaxConnections", Broker, Secret, "Ingress__MaxConnections=many")]
    [InlineData("Ingress__TrustedProxies__0", Broker, Secret, "Ingress__TrustedProxies__0=anyone")]
    public async Task A_wrong_setting_is_named(string name, params string[] settings)
    {
        var errors = await StartAsync(settings);

        Assert.StartsWith($"{name}:", Assert.Single(errors), StringComparison.Ordinal);
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
        // The version that is mounted, and a link to it for each key.
        var version = folder.CreateSubdirectory("..2026_11_24").FullName;
        await File.WriteAllTextAsync(Path.Combine(version, "Ingress__MaxBodyBytes"), "10\n", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "..data"), "..2026_11_24");
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "Ingress__MaxBodyBytes"), "..data/Ingress__MaxBodyBytes");

        var errors = await StartAsync(Broker, Secret, $"SettingsDirectory={folder.FullName}");

        Assert.StartsWith("Ingress__MaxBodyBytes:", Assert.Single(errors), StringComparison.Ordinal);
        folder.Delete(recursive: true);
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
        var assembly = typeof(IngressMetrics).Assembly.Location;
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

    /// <returns>What is wrong, line by line.</returns>
    private static async Task<string[]> StartAsync(params string[] settings)
    {
        var assembly = typeof(IngressMetrics).Assembly.Location;
        var result = await Machine.RunAsync(
            "env",
            ["-u", "OTEL_EXPORTER_OTLP_ENDPOINT", .. settings, "ASPNETCORE_URLS=http://127.0.0.1:0", "dotnet", assembly],
            TestContext.Current.CancellationToken,
            Path.GetDirectoryName(assembly));

        Assert.Equal(1, result.ExitCode);
        var lines = result.Error.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("ingress-api does not start with these settings:", lines[0]);
        return lines[1..];
    }
}
