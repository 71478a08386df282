using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.DevStack;

namespace Deploy.Tests.Servers;

/// <summary>
/// Servers other than the broker with a certificate from its authority: a receiver of webhooks and a collector of telemetry.
/// </summary>
[Collection<OnProductionServers>]
public sealed class BrokerAuthorityTests(ProductionServers servers)
{
    // HttpClient's message, whatever the reason.
    private const string Refusal = "The SSL connection could not be established";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_webhook_is_sent_to_a_target_that_only_the_brokers_authority_vouches_for()
    {
        await servers.StartAsync(Cancel);
        var requests = new ConcurrentQueue<string>();
        await using var target = await StartAsync(requests);
        var url = new UriBuilder(target.Urls.First()) { Host = "localhost" }.Uri;
        var job = $"job-{Guid.NewGuid():N}";
        await ExecuteAsync(
            $"""
            insert into jobs (magic_hour_id, resource, status, created_at, updated_at) values ('{job}', 'video', 'failed', now(), now());
            insert into job_registrations (job_id, resource, user_id, webhook_url, registered_at) values ('{job}', 'video', 'ada', '{url}hooks', now());
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
            values ('{job}', 'failed', 'webhook', 'pending', 0, now(), now());
            """);
        var worker = Services.Worker(
            "worker-notify-trust", servers.Folder.Path, Machine.FreePort(), servers.BrokerOf("processor-worker-notify"),
            servers.DatabaseOf("processor-worker-notify"), servers.Folder.Daemons, roles: "notify",
            settings: new Dictionary<string, string?>(servers.Trust)
            {
                ["OutgoingWebhooks__Secrets__0"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                ["OutgoingWebhooks__AllowedTargets__0"] = url.Authority,
            });

        await worker.StartAsync(Cancel);

        await Waiting.UntilAsync(
            "an attempt is over",
            async () => !requests.IsEmpty || await ExecuteAsync($"select last_error from notifications where job_id = '{job}'") is string, Cancel);
        Assert.Equal("HTTP: SecureConnectionError", await ExecuteAsync($"select last_error from notifications where job_id = '{job}'"));
        Assert.Empty(requests);
        await worker.StopAsync(Cancel);
    }

    [Fact]
    public async Task No_telemetry_is_sent_to_a_collector_that_only_the_brokers_authority_vouches_for()
    {
        await servers.StartAsync(Cancel);
        var requests = new ConcurrentQueue<string>();
        await using var collector = await StartAsync(requests);
        var ingress = Services.Ingress(
            "ingress-trust", servers.Folder.Path, Machine.FreePort(), servers.BrokerOf("ingress-api"), "a-secret", servers.Folder.Daemons,
            settings: new Dictionary<string, string?>(servers.Trust)
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"{new UriBuilder(collector.Urls.First()) { Host = "localhost" }.Uri}",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            });

        await ingress.StartAsync(Cancel);

        await Waiting.UntilAsync(
            "an export is over",
            async () => !requests.IsEmpty || (await File.ReadAllTextAsync(ingress.Daemon.LogFile, Cancel)).Contains(Refusal, StringComparison.Ordinal),
            Cancel);
        Assert.Empty(requests);
        await ingress.StopAsync(Cancel);
    }

    private async Task<WebApplication> StartAsync(ConcurrentQueue<string> requests)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var certificate = servers.Authority.Issue("localhost").Load();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(
            server => server.ConfigureHttpsDefaults(https => https.ServerCertificate = certificate));
        var app = builder.Build();
        app.Urls.Add("https://127.0.0.1:0");
        app.Run(http =>
        {
            requests.Enqueue(http.Request.Path);
            return Task.CompletedTask;
        });
        await app.StartAsync(Cancel);
        return app;
    }

    private async Task<object?> ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(servers.Superuser);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancel);
    }
}
