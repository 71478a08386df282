using Platform.Contracts;
using RabbitMQ.Client.Exceptions;

namespace Processor.Worker.Persistence;

/// <summary>
/// Opens when schema and topology stand. A worker may be started before <c>migrate</c>: it waits, and serves its health meanwhile.
/// </summary>
internal sealed partial class MigrationGate(
    DatabaseSchema schema, BrokerTopology topology, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<MigrationGate> logger)
    : BackgroundService
{
    private const ushort PreconditionFailed = 406;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task WaitAsync(CancellationToken cancellationToken) => _opened.Task.WaitAsync(cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!await StandsAsync(stoppingToken))
        {
            await Task.Delay(Pause, time, stoppingToken);
        }

        _opened.SetResult();
    }

    private async Task<bool> StandsAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await schema.IsCurrentAsync(cancellationToken) && await topology.StandsAsync(cancellationToken))
            {
                return true;
            }

            LogNotMigrated(logger);
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == PreconditionFailed)
        {
            // It will not become right by waiting, and an endless reconnect would hide it.
            LogOtherArguments(logger, exception.ShutdownReason.ReplyText);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
            await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogUnreachable(logger, exception);
        }

        return false;
    }

    [LoggerMessage(LogLevel.Warning, "Waiting for schema and topology: run 'Processor.Worker migrate'")]
    private static partial void LogNotMigrated(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Waiting for database and broker")]
    private static partial void LogUnreachable(ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Critical, "A queue has other arguments than " + nameof(Topology) + " says; delete it when it is empty, and run 'migrate'. The broker says: {ReplyText}")]
    private static partial void LogOtherArguments(ILogger logger, string replyText);
}
