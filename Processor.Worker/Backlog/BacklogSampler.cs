using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Persistence;
using RabbitMQ.Client;

namespace Processor.Worker.Backlog;

/// <summary>
/// Reads now and then what waits, for the metrics: nothing of it is counted on the way of an event. Runs in every role, so that it is
/// seen also when nobody consumes.
/// </summary>
/// <param name="attachment">Null in a process that does not consume.</param>
internal sealed partial class BacklogSampler(
    NpgsqlDataSource database,
    IOptions<ConnectionOptions> connections,
    MigrationGate gate,
    BacklogGauges gauges,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<BacklogSampler> logger,
    Attachment? attachment = null) : BackgroundService
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
                gauges.Show(await TrySampleAsync(token => DatabaseBacklog.ReadAsync(database, time.GetUtcNow(), token), stoppingToken));
                gauges.Show(await TrySampleAsync(token => NotificationBacklog.ReadAllAsync(database, time.GetUtcNow(), token), stoppingToken) ?? []);
                var queues = await TrySampleAsync(ReadQueuesAsync, stoppingToken);
                gauges.Show(queues ?? []);
                attachment?.Saw(queues);
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
            // Waited for from outside too: a hanging client must not hold up the other sample.
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
            _broker ??= await BrokerConnection.OpenAsync(connections.Value, "processor-worker backlog", cancellationToken);
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
