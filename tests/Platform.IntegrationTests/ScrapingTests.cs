using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The metrics of services that have processed events, as Prometheus reads them.</summary>
public sealed class ScrapingTests(ServersFixture servers)
{
    [Fact]
    public async Task Both_services_export_the_agreed_metrics_and_promtool_accepts_them()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        byte[][] events = NewEvents(50);
        await platform.SendAsync([.. events, .. events, "{}"u8.ToArray()]);
        await platform.CountAsync(50, "select count(*) from jobs");
        await platform.AssertDrainedAsync();

        var ingress = (await Scrape.ReadAsync(platform.Ingresses[0].Webhook, Cancel)).Text;
        // The backlog is read every 15 s, the database before the queues.
        string[] samples =
        [
            "\nquarantined_events_stored{otel_scope_name=\"Processor.Worker\"} 1\n",
            "\nqueue_consumers{otel_scope_name=\"Processor.Worker\",queue=\"webhook-received\"} 1\n",
        ];
        var worker = "";
        await Waiting.UntilAsync(
            "a sample with the quarantined body, and one with the consumer",
            async () =>
            {
                worker = (await Scrape.ReadAsync(platform.Workers[0], Cancel)).Text;
                return samples.All(sample => worker.Contains(sample, StringComparison.Ordinal));
            },
            Cancel);

        await AssertLintedAsync(ingress);
        await AssertLintedAsync(worker);
        Assert.Empty(Missing(
            ingress,
            "webhooks_received_total", "webhook_processing_seconds_bucket", "webhook_signature_failures_total", "webhook_delivery_age_seconds_bucket",
            "webhook_secret_matched_total", "broker_publish_duration_seconds_bucket", "broker_publishes_in_flight", "broker_publishes_unconfirmed",
            "broker_publishes_failed_total", "broker_publishes_not_tried_total", "broker_connection_state", "broker_watchdog_stalled", "telemetry_dropped_total",
            "http_server_request_duration_seconds_bucket", "kestrel_active_connections", "dotnet_gc_collections_total", "dotnet_process_memory_working_set_bytes"));
        Assert.Empty(Missing(
            worker,
            "inbox_units_committed_total", "inbox_group_size_bucket", "inbox_group_duration_seconds_bucket", "inbox_units_parked_total", "inbox_units_waiting",
            "inbox_units_postponed_total",
            "inbox_concurrency_limit", "inbox_event_age_seconds_bucket", "inbox_oldest_unit_age_seconds", "database_outage", "outbox_messages_published_total",
            "outbox_backlog_messages", "outbox_oldest_message_age_seconds", "queue_messages", "queue_consumers",
            "notification_waiting", "notification_oldest_due_age_seconds", "notification_parked", "notification_channel_configured",
            "job_download_expiry_seconds", "registrations_rejected_total", "database_sample_errors_total", "telemetry_dropped_total",
            "messaging_masstransit_consume_ea_total", "db_client_operation_duration_seconds_bucket", "dotnet_gc_collections_total"));
    }

    [Fact]
    public async Task A_broker_whose_folder_has_a_space_in_its_name_knows_its_free_disk_space()
    {
        var choice = await TestServers.ChooseAsync(Cancel);
        Assert.SkipUnless(choice.Kind is TestServerKind.Native, $"It starts a native broker, and this run uses {choice.Description}.");
        var folder = Path.Combine(servers.Folder.Path, $"a folder {Guid.NewGuid():N}");

        var broker = await RabbitMqServer.StartAsync(folder, withManagement: true, servers.Folder.Daemons, Cancel);
        var metrics = await Scrape.ReadAsync(new Uri($"http://{broker.MetricsAddress}"), Cancel);
        await broker.Process.KillAsync(Cancel);

        Assert.Matches("\nrabbitmq_disk_space_available_bytes [1-9][0-9]+\n", metrics.Text);
    }

    private static IEnumerable<string> Missing(string metrics, params string[] names) =>
        names.Where(name => !metrics.Contains($"\n{name}{{", StringComparison.Ordinal));

    private static async Task AssertLintedAsync(string metrics)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/promtool"), "It needs promtool (apt install prometheus).");
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.txt");
        await File.WriteAllTextAsync(file, metrics, Cancel);
        var lint = await Machine.RunAsync("sh", ["-c", $"promtool check metrics < {file}"], Cancel);
        File.Delete(file);
        Assert.Equal((0, ""), (lint.ExitCode, lint.Output + lint.Error));
    }
}
