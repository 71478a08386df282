using MassTransit;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>Attaches the consumers to the queue once schema and topology stand.</summary>
internal sealed partial class Consumption(IReceiveEndpointConnector connector, MigrationGate gate, ILogger<Consumption> logger) : BackgroundService
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
    }

    [LoggerMessage(LogLevel.Information, "Consuming from {Queue}")]
    private static partial void LogAttached(ILogger logger, string queue);
}
