using System.Text;
using Platform.LocalStack;
using Testcontainers.RabbitMq;

namespace Deploy.Tests.Servers;

/// <summary>A broker that shows a certificate: a container of the release that production has, or started natively.</summary>
/// <param name="Uri">Without TLS, as the user that it was born with.</param>
/// <param name="TlsPort">Of this machine.</param>
/// <param name="Control">Runs <c>rabbitmqctl</c> on it.</param>
/// <param name="Stop">Null where it ends with the folder of the run.</param>
internal sealed record ProductionBroker(
    string Uri, string ManagementUrl, int TlsPort, Func<string[], CancellationToken, Task> Control, Func<ValueTask>? Stop) : IAsyncDisposable
{
    private const int TlsPortWithin = 5671;
    private const int ManagementPortWithin = 15672;
    private const string FolderWithin = "/etc/rabbitmq/certificates";

    public static async Task<ProductionBroker> StartInContainerAsync(TestAuthority authority, TestCertificate certificate, CancellationToken cancellationToken)
    {
        var settings = SettingsFor($"{TlsPortWithin}", $"{FolderWithin}/ca.crt", $"{FolderWithin}/tls.crt", $"{FolderWithin}/tls.key");
        var container = new RabbitMqBuilder(TestServers.RabbitMqImage)
            .WithPortBinding(TlsPortWithin, assignRandomHostPort: true)
            .WithPortBinding(ManagementPortWithin, assignRandomHostPort: true)
            .WithResourceMapping(await File.ReadAllBytesAsync(authority.CertificateFile, cancellationToken), $"{FolderWithin}/ca.crt")
            .WithResourceMapping(await File.ReadAllBytesAsync(certificate.CertificateFile, cancellationToken), $"{FolderWithin}/tls.crt")
            .WithResourceMapping(await File.ReadAllBytesAsync(certificate.KeyFile, cancellationToken), $"{FolderWithin}/tls.key")
            .WithResourceMapping(Encoding.UTF8.GetBytes(string.Join('\n', settings) + '\n'), "/etc/rabbitmq/conf.d/20-certificates.conf")
            .Build();
        await container.StartAsync(cancellationToken);
        return new ProductionBroker(
            container.GetConnectionString(),
            $"http://{container.Hostname}:{container.GetMappedPublicPort(ManagementPortWithin)}",
            container.GetMappedPublicPort(TlsPortWithin),
            async (arguments, token) =>
            {
                var result = await container.ExecAsync(["rabbitmqctl", .. arguments], token);
                Assert.True(result.ExitCode == 0, $"rabbitmqctl {arguments[0]}: {result.Stderr}{result.Stdout}");
            },
            container.DisposeAsync);
    }

    public static async Task<ProductionBroker> StartNativelyAsync(
        TestFolder folder, TestAuthority authority, TestCertificate certificate, CancellationToken cancellationToken)
    {
        var port = Machine.FreePort();
        var broker = await RabbitMqServer.StartAsync(
            Path.Combine(folder.Path, "rabbitmq"), withManagement: true, folder.Daemons, cancellationToken,
            SettingsFor($"127.0.0.1:{port}", authority.CertificateFile, certificate.CertificateFile, certificate.KeyFile));
        return new ProductionBroker(broker.Uri, broker.ManagementUrl!, port, (arguments, token) => broker.ControlAsync(token, arguments), Stop: null);
    }

    public ValueTask DisposeAsync() => Stop?.Invoke() ?? ValueTask.CompletedTask;

    private static string[] SettingsFor(string listener, string authorityFile, string certificateFile, string keyFile) =>
    [
        $"listeners.ssl.1 = {listener}", $"ssl_options.cacertfile = {authorityFile}", $"ssl_options.certfile = {certificateFile}", $"ssl_options.keyfile = {keyFile}",
    ];
}
