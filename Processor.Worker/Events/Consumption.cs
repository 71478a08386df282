using MassTransit;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>Attaches the consumers to a queue once schema and topology stand, and detaches them while the database is away.</summary>
/// <param name="queue">The queue.</param>
/// <param name="configure">Its consumers.</param>
/// <param name="outage">Tells that what is consumed from this queue cannot be written.</param>
internal sealed partial class Consumption(
    string queue,
    Action<IRegistrationContext, IReceiveEndpointConfigurator> configure,
    DatabaseOutage outage,
    IReceiveEndpointConnector connector,
    MigrationGate gate,
    ILogger<Consumption> logger) : BackgroundService
{
    // One queue after the other: MassTransit writes down what it configures in a set that bears no second thread.
    private static readonly Lock Connecting = new();

    /// <summary>Messages are being consumed.</summary>
    public bool IsAttached { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        var handle = Connect();
        await handle.Ready.WaitAsync(stoppingToken);
        IsAttached = true;
        LogAttached(logger, queue);
        while (true)
        {
            await outage.WaitForBeginAsync(stoppingToken);
            await PauseAsync(handle.ReceiveEndpoint, stoppingToken);
        }
    }

    private HostReceiveEndpointHandle Connect()
    {
        lock (Connecting)
        {
            return connector.ConnectReceiveEndpoint(queue, configure);
        }
    }

    /// <summary>Nothing is fetched that could not be stored: it would only count deliveries, or run into the broker's time-out.</summary>
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
