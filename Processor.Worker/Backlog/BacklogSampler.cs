using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Accounting;
using Processor.Worker.Archive;
using Processor.Worker.Broker;
using Processor.Worker.Consumers;
using Processor.Worker.Migrate;
using RabbitMQ.Client;

namespace Processor.Worker.Backlog;

/// <summary>
/// Samples the backlog for the metrics every 15 seconds, so that counting costs nothing per event. Runs in every role, so that the backlog
/// is visible even without a consumer. Only roles that read queues query the broker.
/// </summary>
/// <param name="watchdog">Null in a process that does not consume.</param>
/// <param name="archive">Null in a process that does not use the archive.</param>
internal sealed partial class BacklogSampler(
    Roles roles,
    NpgsqlDataSource database,
    BrokerConnector connector,
    MigrationGate gate,
    MissingRoutes routes,
    IOptions<AccountingOptions> accounting,
    BacklogGauges gauges,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<BacklogSampler> logger,
    ConsumerWatchdog? watchdog = null,
    ArchiveStore? archive = null) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private IConnection? _broker;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        try
        {
            for (; ; await Task.Delay(Interval, time, stoppingToken))
            {
                gauges.Update(await TrySampleAsync(token => DatabaseBacklog.ReadAsync(database, time.GetUtcNow(), token), stoppingToken));
                gauges.Update(await TrySampleAsync(token => NotificationBacklog.ReadAllAsync(database, time.GetUtcNow(), token), stoppingToken) ?? []);
                gauges.Update(await TrySampleAsync(token => CheckBacklog.ReadAsync(database, time.GetUtcNow(), token), stoppingToken));
                if (archive?.IsConfigured is true)
                {
                    gauges.Update(await TrySampleAsync(token => ArchiveBacklog.ReadAsync(database, time.GetUtcNow(), token), stoppingToken));
                }

                gauges.Update(await TrySampleAsync(token => LastRetention.ReadAsync(database, time.GetUtcNow(), token), stoppingToken));
                gauges.Update(await TrySampleAsync(
                    token => MissingEvents.ReadAsync(database, time.GetUtcNow(), accounting.Value.Patience, token), stoppingToken));
                if (roles.ReadQueues())
                {
                    var queues = await TrySampleAsync(ReadQueuesAsync, stoppingToken);
                    gauges.Update(queues ?? []);
                    watchdog?.Observe(queues);
                    // After a failed queue sample this one is skipped, so that one broker outage is not counted twice.
                    gauges.Update(queues is null ? [] : await TrySampleAsync(routes.CheckAsync, stoppingToken) ?? []);
                }
            }
        }
        finally
        {
            await DisconnectAsync();
        }
    }

    private async Task<T?> TrySampleAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken stoppingToken)
        where T : class
    {
        using var timeout = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
        try
        {
            // WaitAsync enforces the timeout even if the client ignores the token: a hanging client must not delay the other samples.
            return await read(either.Token).WaitAsync(either.Token);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            metrics.SampleFailed();
            LogFailed(logger, exception);
            return null;
        }
    }

    private async Task<IReadOnlyList<QueueDepth>> ReadQueuesAsync(CancellationToken cancellationToken)
    {
        try
        {
            _broker ??= await connector.OpenAsync("processor-worker backlog", cancellationToken);
            await using var channel = await _broker.CreateChannelAsync(cancellationToken: cancellationToken);
            return await QueueDepth.ReadAllAsync(channel, cancellationToken);
        }
        catch
        {
            await DisconnectAsync();
            throw;
        }
    }

    private async Task DisconnectAsync()
    {
        if (_broker is { } broker)
        {
            _broker = null;
            await broker.CloseAsync(Constants.ReplySuccess, "Goodbye", Patience, abort: true, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Information, "The backlog could not be read for the metrics")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
