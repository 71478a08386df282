using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Platform.DevStack;
using Testcontainers.RabbitMq;

namespace Deploy.Tests.Servers;

/// <summary>A broker with a certificate: a container of production's release, or started natively.</summary>
/// <param name="Uri">Without TLS, as the initial user.</param>
/// <param name="ManagementUrl">Without TLS.</param>
/// <param name="TlsPort">On this machine.</param>
/// <param name="ManagementTlsPort">On this machine.</param>
/// <param name="Stop">Null when it stops with the folder of the run.</param>
internal sealed record ProductionBroker(
    string Uri, string ManagementUrl, int TlsPort, int ManagementTlsPort, Func<ValueTask>? Stop) : IAsyncDisposable
{
    private const int TlsPortWithin = 5671;
    private const int ManagementPortWithin = 15672;
    private const int ManagementTlsPortWithin = 15671;
    private const string FolderWithin = "/etc/rabbitmq/certificates";

    public static async Task<ProductionBroker> StartInContainerAsync(TestAuthority authority, TestCertificate certificate, CancellationToken cancellationToken)
    {
        string[] settings =
        [
            .. SettingsFor("", TlsPortWithin, ManagementTlsPortWithin, $"{FolderWithin}/ca.crt", $"{FolderWithin}/tls.crt", $"{FolderWithin}/tls.key"),
            // Otherwise the listener with TLS would replace it.
            $"management.tcp.port = {ManagementPortWithin}",
        ];
        var container = new RabbitMqBuilder(TestServers.RabbitMqImage)
            .WithPortBinding(TlsPortWithin, assignRandomHostPort: true)
            .WithPortBinding(ManagementPortWithin, assignRandomHostPort: true)
            .WithPortBinding(ManagementTlsPortWithin, assignRandomHostPort: true)
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
            container.GetMappedPublicPort(ManagementTlsPortWithin),
            container.DisposeAsync);
    }

    public static async Task<ProductionBroker> StartNativelyAsync(
        TestFolder folder, TestAuthority authority, TestCertificate certificate, CancellationToken cancellationToken)
    {
        var (port, managementPort) = (Machine.FreePort(), Machine.FreePort());
        var broker = await RabbitMqServer.StartAsync(
            Path.Combine(folder.Path, "rabbitmq"), withManagement: true, folder.Daemons, cancellationToken,
            SettingsFor("127.0.0.1", port, managementPort, authority.CertificateFile, certificate.CertificateFile, certificate.KeyFile));
        return new ProductionBroker(broker.Uri, broker.ManagementUrl!, port, managementPort, Stop: null);
    }

    /// <summary>The name of the initial user, who may do everything.</summary>
    public string User => new Uri(Uri).UserInfo.Split(':')[0];

    /// <summary>Creates or replaces an object of the management API, such as a user: a fraction of what a <c>rabbitmqctl</c> costs.</summary>
    /// <param name="path">Segments after <c>/api</c>, not encoded.</param>
    public async Task PutAsync(string[] path, object value, CancellationToken cancellationToken)
    {
        using var http = CreateManagementClient(System.Uri.UnescapeDataString(new Uri(Uri).UserInfo));
        using var answer = await http.PutAsJsonAsync($"api/{string.Join('/', path.Select(System.Uri.EscapeDataString))}", value, cancellationToken);
        Assert.True(answer.IsSuccessStatusCode, $"{string.Join('/', path)}: {answer.StatusCode}");
    }

    /// <summary>A client of the management API.</summary>
    /// <param name="login">User and password, separated by a colon.</param>
    public HttpClient CreateManagementClient(string login) => new()
    {
        BaseAddress = new Uri(ManagementUrl),
        DefaultRequestHeaders =
        {
            Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login))),
        },
    };

    public ValueTask DisposeAsync() => Stop?.Invoke() ?? ValueTask.CompletedTask;

    /// <param name="address">Listen address; empty for all.</param>
    private static string[] SettingsFor(string address, int port, int managementPort, string authorityFile, string certificateFile, string keyFile) =>
    [
        $"listeners.ssl.1 = {(address.Length == 0 ? "" : $"{address}:")}{port}",
        $"ssl_options.cacertfile = {authorityFile}", $"ssl_options.certfile = {certificateFile}", $"ssl_options.keyfile = {keyFile}",
        $"management.ssl.port = {managementPort}", .. address.Length == 0 ? Array.Empty<string>() : [$"management.ssl.ip = {address}"],
        $"management.ssl.cacertfile = {authorityFile}", $"management.ssl.certfile = {certificateFile}", $"management.ssl.keyfile = {keyFile}",
    ];
}
