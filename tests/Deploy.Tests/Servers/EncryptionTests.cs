using System.Net;
using System.Text.RegularExpressions;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Deploy.Tests.Servers;

/// <summary>
/// Both services with a broker and a database whose certificates they must reject. <see cref="ProductionUsersTests"/> shows that
/// certificates of the configured authority are accepted.
/// </summary>
[Collection<OnProductionServers>]
public sealed class EncryptionTests(ProductionServers servers)
{
    private const string UnknownAuthority = "an unknown authority";
    private const string WrongName = "a wrong name";

    // .NET's message for either case; they differ only in the set-up.
    private const string Refusal = "The remote certificate was rejected";

    private static readonly TimeSpan RegexPatience = TimeSpan.FromSeconds(5);

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

    [Fact]
    public async Task The_migration_refuses_a_management_API_with_a_wrong_name()
    {
        await servers.StartAsync(Cancel);

        var migrated = await Services.RunVerbAsync(
            servers.BrokerOf("migrate"), servers.DatabaseOf("migrate"), ["migrate"], Cancel,
            new Dictionary<string, string?>(servers.Trust) { ["Broker__ManagementUrl"] = servers.ManagementUrlOf(HostOf(WrongName)) });

        Assert.Equal(1, migrated.ExitCode);
        Assert.Contains("The SSL connection could not be established", migrated.Error, StringComparison.Ordinal);
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

    [Theory]
    [InlineData(UnknownAuthority)]
    [InlineData(WrongName)]
    public async Task The_consumer_refuses_a_broker_with(string fault)
    {
        await servers.StartAsync(Cancel);

        // The worker's own connection, and MassTransit's, on which events would arrive.
        await ConsumeInVainAsync(
            servers.BrokerOf("processor-worker-consume", HostOf(fault)), servers.DatabaseOf("processor-worker-consume"), TrustOf(fault),
            "MigrationGate", "MassTransit");
    }

    [Theory]
    [InlineData(UnknownAuthority)]
    [InlineData(WrongName)]
    public async Task The_consumer_refuses_a_database_with(string fault)
    {
        await servers.StartAsync(Cancel);
        var authority = fault == UnknownAuthority ? servers.Stranger : servers.Authority;

        await ConsumeInVainAsync(
            servers.BrokerOf("processor-worker-consume"), servers.DatabaseOf("processor-worker-consume", HostOf(fault), authority.CertificateFile),
            servers.Trust, "MigrationGate");
    }

    /// <summary>
    /// Runs the worker with the settings of its Deployment <c>consume</c> until it has
    /// rejected each of these certificates: it is not ready.
    /// </summary>
    private async Task ConsumeInVainAsync(string broker, string database, Dictionary<string, string?> trust, params string[] who)
    {
        var port = Machine.FreePort();
        var worker = Services.Worker(
            $"worker-{port}", servers.Folder.Path, port, broker, database, servers.Folder.Daemons, mustBeReady: false, trust, roles: "consume");
        await worker.StartAsync(Cancel);
        await Waiting.UntilAsync(
            $"{string.Join(" and ", who)} refuse the certificate",
            async () => await File.ReadAllTextAsync(worker.Daemon.LogFile, Cancel) is var log && who.All(one => Regex.IsMatch(log, RefusalBy(one), RegexOptions.None, RegexPatience)),
            Cancel);
        using var http = new HttpClient();

        using var ready = await http.GetAsync($"http://127.0.0.1:{port}/health/ready", Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        await worker.KillAsync(Cancel);
    }

    // Within one log record: the next one begins with a time.
    private static string RefusalBy(string who) => $@"(?sm) {who}: (?:(?!^\d\d:\d\d:\d\d).)*{Refusal}";

    private static string HostOf(string fault) => fault == WrongName ? "127.0.0.1" : "localhost";

    // The system trusts the broker's authority and the setting names another: only the setting counts.
    private Dictionary<string, string?> TrustOf(string fault) => fault == UnknownAuthority
        ? new() { ["Broker__CertificateAuthorities"] = servers.Stranger.CertificateFile, ["SSL_CERT_FILE"] = servers.Authority.CertificateFile }
        : servers.Trust;
}
