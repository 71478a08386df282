using System.Net;
using Platform.LocalStack;
using Platform.Simulator.MagicHour;

namespace Deploy.Tests.Servers;

/// <summary>
/// Both services and a broker and a database that show certificates: that they are believed when they are those of the authority that the
/// service was told of shows in <see cref="ProductionUsersTests"/>; here they are not.
/// </summary>
public sealed class EncryptionTests(ProductionServers servers)
{
    private const string UnknownAuthority = "an unknown authority";
    private const string WrongName = "a wrong name";

    // What .NET says of either; only in the set-up do they differ.
    private const string Refusal = "The remote certificate was rejected";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(UnknownAuthority)]
    [InlineData(WrongName)]
    public async Task The_ingress_refuses_a_broker_with(string fault)
    {
        await servers.StartAsync(Cancel);
        var port = Machine.FreePort();
        var ingress = Services.Ingress(
            $"ingress-{port}", servers.Folder.Path, port, servers.BrokerOf("ingress-api", HostOf(fault)), "a-secret", servers.Folder.Daemons,
            mustBeReady: false, new Dictionary<string, string?>(TrustOf(fault)) { ["Logging__LogLevel__Ingress"] = "Debug" });
        await ingress.StartAsync(Cancel);
        using var sender = new Sender($"http://127.0.0.1:{port}", "a-secret", TimeProvider.System);
        await Waiting.UntilAsync(
            "the log speaks of the certificate", async () => (await File.ReadAllTextAsync(ingress.Daemon.LogFile, Cancel)).Contains(Refusal, StringComparison.Ordinal),
            Cancel);

        using var answer = await sender.SendAsync(MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow()).Body, Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        await ingress.KillAsync(Cancel);
    }

    [Theory]
    [InlineData(UnknownAuthority)]
    [InlineData(WrongName)]
    public async Task The_worker_refuses_a_broker_with(string fault)
    {
        await servers.StartAsync(Cancel);

        var migrated = await Services.RunVerbAsync(
            servers.BrokerOf("migrate", HostOf(fault)), servers.DatabaseOf("migrate"), ["migrate"], Cancel, TrustOf(fault));

        Assert.Equal(1, migrated.ExitCode);
        Assert.Contains(Refusal, migrated.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UnknownAuthority)]
    [InlineData(WrongName)]
    public async Task The_worker_refuses_a_database_with(string fault)
    {
        await servers.StartAsync(Cancel);
        var authority = fault == UnknownAuthority ? servers.Stranger : servers.Authority;

        var migrated = await Services.RunVerbAsync(
            servers.BrokerOf("migrate"), servers.DatabaseOf("migrate", HostOf(fault), authority.CertificateFile), ["migrate"], Cancel, servers.Trust);

        Assert.Equal(1, migrated.ExitCode);
        Assert.Contains(Refusal, migrated.Error, StringComparison.Ordinal);
    }

    private static string HostOf(string fault) => fault == WrongName ? "127.0.0.1" : "localhost";

    private Dictionary<string, string?> TrustOf(string fault) =>
        fault == UnknownAuthority ? new() { ["SSL_CERT_FILE"] = servers.Stranger.CertificateFile } : servers.Trust;
}
