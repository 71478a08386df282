using System.Text.Json;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Platform.DevStack;
using Processor.Worker.Broker;
using Processor.Worker.Consumers;
using Processor.Worker.Hosting;
using Processor.Worker.Inbox;
using Processor.Worker.Migrate;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The topology that <c>migrate</c> declares on the broker, and what the worker binds to it.</summary>
public sealed class TopologyTests(ServersFixture servers)
{
    [Fact]
    public async Task Migrate_may_run_twice_and_at_the_same_time()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => platform.MigrateAsync()));
        var again = await platform.MigrateAsync();

        Assert.StartsWith("schema: up to date", again, StringComparison.Ordinal);
        foreach (var queue in Contracts.Topology.Queues.Keys)
        {
            Assert.True(await platform.Broker.ExistsAsync(queue, Cancel));
        }
    }

    [Fact]
    public async Task A_queue_with_other_arguments_ends_migrate_with_the_brokers_own_words()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);
        await platform.Broker.ReplaceQueueAsync("webhook-received", arguments: null, Cancel);

        var failure = await Assert.ThrowsAsync<SetupException>(platform.MigrateAsync);

        Assert.Contains("inequivalent arg 'x-", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_queue_with_other_arguments_ends_a_worker_too()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.Broker.ReplaceQueueAsync("webhook-received", arguments: null, Cancel);

        var failure = await Assert.ThrowsAsync<SetupException>(() => platform.StartWorkerAsync());

        Assert.Contains("has ended", failure.Message, StringComparison.Ordinal);
        Assert.Contains("inequivalent arg 'x-", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_migrate_nothing_is_released_and_release_says_what_to_do()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);

        var failed = await platform.ReleaseAsync("--error");

        Assert.Equal(1, failed.ExitCode);
        Assert.StartsWith("release failed: The queues do not exist; 'Processor.Worker migrate' declares them.", failed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_migration_says_what_it_did_and_logs_nothing_the_first_time_too()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);

        var first = await Services.RunVerbAsync(platform.RabbitMq, platform.ConnectionString, ["migrate"], Cancel);
        var second = await Services.RunVerbAsync(platform.RabbitMq, platform.ConnectionString, ["migrate"], Cancel);

        Assert.All([first, second], migrate =>
        {
            Assert.Equal((0, ""), (migrate.ExitCode, migrate.Error));
            Assert.Equal(["schema", "topology", "rights"], migrate.Output.TrimEnd().Split('\n').Select(line => line.Split(':')[0]));
        });
    }

    [Fact]
    public async Task The_bus_shows_the_inbox_on_the_queue()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await using var worker = await StartInProcessAsync(platform);

        var probe = JsonSerializer.Serialize(worker.Services.GetRequiredService<IBusControl>().GetProbeResult(Cancel).Results);
        var endpoint = probe[probe.IndexOf("webhook-received", StringComparison.Ordinal)..];
        Assert.Equal(2, endpoint.Split("\"filterType\":\"outbox\"").Length - 1);
        await worker.StopAsync(Cancel);
    }

    [Fact]
    public async Task Without_the_management_API_the_nodes_that_answer_are_counted()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);
        var port = new Uri(platform.RabbitMq).Port;

        await WithASecondNode($"localhost:{port}").DeclareAsync(Cancel);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => WithASecondNode($"localhost:{Machine.FreePort()}").DeclareAsync(Cancel));

        Assert.StartsWith("1 of 2 broker nodes run.", failure.Message, StringComparison.Ordinal);

        BrokerTopology WithASecondNode(string node)
        {
            var nodes = platform.RabbitMq.Replace($":{port}", $":{port},{node}", StringComparison.Ordinal);
            var connections = Options.Create(new ConnectionOptions { RabbitMq = nodes });
            var options = Options.Create(new BrokerOptions { ExpectedNodes = 2 });
            return new BrokerTopology(
                connections, options, new BrokerConnector(connections, options), new BrokerManagement(connections, options, TimeProvider.System));
        }
    }

    private static async Task<WebApplication> StartInProcessAsync(TestPlatform platform)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:RabbitMq"] = platform.RabbitMq,
            ["ConnectionStrings:Postgres"] = platform.ConnectionString,
            ["urls"] = "http://127.0.0.1:0",
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddPersistence();
        builder.Services.AddBroker();
        builder.AddTelemetry();
        builder.Services.AddMigrationGate();
        builder.Services.AddInbox();
        builder.Services.AddOutbox();
        builder.Services.AddMessaging();
        builder.Services.AddEvents();
        var app = builder.Build();
        await app.StartAsync(Cancel);
        var consumption = app.Services.GetRequiredService<QueueConsumer>();
        await Waiting.UntilAsync("the worker consumes", () => Task.FromResult(consumption.IsAttached), Cancel);
        return app;
    }
}
