using MassTransit;
using Processor.Worker.Inbox;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Consumers;

/// <summary>Attaches consumers to a queue once schema and topology exist, and detaches them while the database is unavailable.</summary>
/// <param name="queue">The queue.</param>
/// <param name="configure">Its consumers.</param>
/// <param name="outage">Signals that messages of this queue cannot be written.</param>
internal sealed partial class QueueConsumer(
    string queue,
    Action<IRegistrationContext, IReceiveEndpointConfigurator> configure,
    DatabaseOutage outage,
    IReceiveEndpointConnector connector,
    MigrationGate gate,
    ConsumerLimits limits,
    ILogger<QueueConsumer> logger) : BackgroundService
{
    // Queues connect one at a time: MassTransit records its configuration in a set that is not thread-safe.
    private static readonly Lock Connecting = new();

    /// <summary>True while messages are being consumed.</summary>
    public bool IsAttached { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        var handle = await AttachAsync(stoppingToken);
        while (true)
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var isReduced = !limits.Restored.IsCompleted;
            var started = outage.WaitForStartAsync(waiting.Token);
            await await Task.WhenAny(isReduced ? [started, limits.Restored] : [started]);
            if (isReduced && limits.Restored.IsCompleted)
            {
                await waiting.CancelAsync();
                await handle.StopAsync(stoppingToken);
                handle = await AttachAsync(stoppingToken);
            }
            else
            {
                await PauseAsync(handle.ReceiveEndpoint, stoppingToken);
            }
        }
    }

    private async Task<HostReceiveEndpointHandle> AttachAsync(CancellationToken stoppingToken)
    {
        var handle = Connect();
        await handle.Ready.WaitAsync(stoppingToken);
        IsAttached = true;
        LogAttached(logger, queue);
        return handle;
    }

    private HostReceiveEndpointHandle Connect()
    {
        lock (Connecting)
        {
            return connector.ConnectReceiveEndpoint(queue, configure);
        }
    }

    /// <summary>
    /// Stops fetching messages that cannot be stored: they would only use up deliveries, or exceed the consumer timeout of the broker.
    /// </summary>
    private async Task PauseAsync(IReceiveEndpoint endpoint, CancellationToken stoppingToken)
    {
        await endpoint.Stop(stoppingToken);
        LogPaused(logger, queue);
        await outage.WaitForEndAsync(stoppingToken);
        await endpoint.Start(stoppingToken).Ready.WaitAsync(stoppingToken);
        LogAttached(logger, queue);
    }

    [LoggerMessage(LogLevel.Information, "Consuming from {Queue}")]
    private static partial void LogAttached(ILogger logger, string queue);

    [LoggerMessage(LogLevel.Warning, "Not consuming from {Queue} until the database is back")]
    private static partial void LogPaused(ILogger logger, string queue);
}
