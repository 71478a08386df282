using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>A service is asked to stop while it has work in flight.</summary>
public sealed class StoppingTests(ServersFixture servers)
{
    private const int Connections = 32;

    private readonly ConcurrentDictionary<string, HttpStatusCode> _answers = new();

    [Fact]
    public async Task An_ingress_stops_its_server_before_its_connection_and_keeps_what_it_promised()
    {
        await using var platform = await CreateAsync(servers);
        var ingress = await platform.StartIngressAsync();
        var senders = Enumerable.Range(0, Connections).Select(_ => SendUntilRefusedAsync(platform.Ingresses[0])).ToArray();
        await Waiting.UntilAsync("requests are under way", () => Task.FromResult(_answers.Count > Connections * 20), Cancel);

        var watch = Stopwatch.StartNew();
        await ingress.StopAsync(Cancel);
        var stopping = watch.Elapsed;
        await Task.WhenAll(senders);

        // The service stops by itself: otherwise it is killed after that time, as in Kubernetes.
        Assert.InRange(stopping, TimeSpan.Zero, Daemon.Grace);
        Assert.All(_answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Value));
        await platform.StartWorkerAsync();
        await Waiting.UntilAsync("all that was answered is stored", async () =>
            !_answers.Keys.Except(await platform.QueryAsync<string[]>("select coalesce(array_agg(job_id), '{}') from webhook_events")).Any(), Cancel);
        await platform.AssertDrainedAsync();
    }

    [Theory]
    [InlineData("job_registrations", Topology.RegisterJobQueue, Topology.RegisterJobErrorQueue)]
    [InlineData("publish_sources", Topology.WebhookReceivedQueue, Topology.ErrorQueue)]
    public async Task A_worker_that_stops_in_the_middle_of_a_write_returns_the_message_to_its_queue(string table, string queue, string errorQueue)
    {
        await using var platform = await CreateAsync(servers);
        var worker = await platform.StartWorkerAsync();
        await using (var connection = await platform.Database.OpenConnectionAsync(Cancel))
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancel);
            await using var @lock = new NpgsqlCommand($"lock table {table}", connection);
            await @lock.ExecuteNonQueryAsync(Cancel);
            await platform.Broker.PublishAsync(Messages.Register("in-flight", null, "https://example.com/hook"), Cancel);
            // Reports what it publishes every second.
            var ingress = await platform.StartIngressAsync(settings: new Dictionary<string, string?> { ["Accounting__ReportInterval"] = "00:00:01" });
            await platform.SendAsync(Messages.NewEvents(1));
            await platform.CountAsync(1, $"select count(distinct relation) from pg_locks where relation = '{table}'::regclass and not granted");
            await ingress.StopAsync(Cancel);

            await worker.StopAsync(Cancel);

            await Waiting.UntilAsync(
                "the message is back or parked",
                async () => await platform.Broker.CountAsync(queue, Cancel) + await platform.Broker.CountAsync(errorQueue, Cancel) > 0,
                Cancel);
            Assert.Equal(0u, await platform.Broker.CountAsync(errorQueue, Cancel));
        }

        await platform.StartWorkerAsync();
        await platform.CountAsync(1, $"select count(*) from {table}");
        Assert.Equal(0u, await platform.Broker.CountAsync(errorQueue, Cancel));
    }

    /// <summary>Sends one event after another until the port no longer accepts connections.</summary>
    private async Task SendUntilRefusedAsync(Sender sender)
    {
        while (true)
        {
            try
            {
                var webhook = MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow());
                using var response = await sender.SendAsync(webhook.Body, Cancel);
                _answers[webhook.JobId] = response.StatusCode;
            }
            catch (HttpRequestException refused) when (refused.HttpRequestError is HttpRequestError.ConnectionError)
            {
                return;
            }
            catch (HttpRequestException)
            {
                // Sent on a kept-alive connection at the moment it was closed: unanswered, so the sender retries it.
            }
        }
    }
}
