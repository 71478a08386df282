using MassTransit;
using Platform.Contracts;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>Attaches the consumers to the queue once schema and topology stand, and detaches them while the database is away.</summary>
internal sealed partial class Consumption(
    IReceiveEndpointConnector connector, MigrationGate gate, DatabaseOutage outage, ILogger<Consumption> logger) : BackgroundService
{
    /// <summary>Messages are being consumed.</summary>
    public bool IsAttached { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        var handle = connector.ConnectReceiveEndpoint(Topology.WebhookReceivedQueue, (context, endpoint) =>
        {
            context.ConfigureConsumer<WebhookReceivedConsumer>(endpoint);
            context.ConfigureConsumer<WebhookQuarantinedConsumer>(endpoint);
        });
        await handle.Ready.WaitAsync(stoppingToken);
        IsAttached = true;
        LogAttached(logger, Topology.WebhookReceivedQueue);
        while (true)
        {
            await outage.WaitForBeginAsync(stoppingToken);
            await PauseAsync(handle.ReceiveEndpoint, stoppingToken);
        }
    }

    /// <summary>Nothing is fetched that could not be stored: it would only count deliveries, or run into the broker's time-out.</summary>
    private async Task PauseAsync(IReceiveEndpoint endpoint, CancellationToken stoppingToken)
    {
        await endpoint.Stop(stoppingToken);
        LogPaused(logger, Topology.WebhookReceivedQueue);
        await outage.WaitForEndAsync(stoppingToken);
        await endpoint.Start(stoppingToken).Ready.WaitAsync(stoppingToken);
        LogAttached(logger, Topology.WebhookReceivedQueue);
    }

    [LoggerMessage(LogLevel.Information, "Consuming from {Queue}")]
    private static partial void LogAttached(ILogger logger, string queue);

    [LoggerMessage(LogLevel.Warning, "Not consuming from {Queue} until the database is back")]
    private static partial void LogPaused(ILogger logger, string queue);
}
