using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Persistence;
using RabbitMQ.Client.Exceptions;

namespace Processor.Worker.Migrate;

/// <summary>
/// Opens when the schema exists and then the topology, unless no role reads queues. A worker may start before <c>migrate</c>: it waits,
/// and serves its health endpoints meanwhile. Once seen, a part is not checked again.
/// </summary>
/// <param name="roles">Only <see cref="Roles.Consume"/> may declare queues, and therefore compare their arguments.</param>
internal sealed partial class MigrationGate(
    Roles roles,
    DatabaseSession session,
    DatabaseSchema schema,
    BrokerTopology topology,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<MigrationGate> logger) : BackgroundService
{
    private const ushort PreconditionFailed = 406;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _schemaSeen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True once the database has accepted the credentials and has the schema.</summary>
    public bool HasSeenSchema => _schemaSeen.Task.IsCompleted;

    /// <summary>For tasks that do not need the broker.</summary>
    public Task WaitForSchemaAsync(CancellationToken cancellationToken) => _schemaSeen.Task.WaitAsync(cancellationToken);

    public Task WaitAsync(CancellationToken cancellationToken) => _opened.Task.WaitAsync(cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await WaitForAsync("schema", "database", SchemaStandsAsync, stoppingToken);
        _schemaSeen.SetResult();
        if (roles.ReadQueues())
        {
            await WaitForAsync(
                "topology", "broker", roles.HasFlag(Roles.Consume) ? topology.StandsAsync : topology.ExistsAsync, stoppingToken);
        }

        _opened.SetResult();
    }

    private async Task<bool> SchemaStandsAsync(CancellationToken cancellationToken)
    {
        await session.VerifyAsync(cancellationToken);
        return await schema.IsCurrentAsync(cancellationToken);
    }

    private async Task WaitForAsync(string part, string server, Func<CancellationToken, Task<bool>> stands, CancellationToken cancellationToken)
    {
        while (!await StandsAsync(part, server, stands, cancellationToken))
        {
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private async Task<bool> StandsAsync(string part, string server, Func<CancellationToken, Task<bool>> stands, CancellationToken cancellationToken)
    {
        try
        {
            if (await stands(cancellationToken))
            {
                return true;
            }

            LogNotMigrated(logger, part);
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == PreconditionFailed)
        {
            LogOtherArguments(logger, exception.ShutdownReason.ReplyText);
            await RefuseAsync(cancellationToken);
        }
        catch (UnusableDatabaseException exception)
        {
            LogUnusable(logger, exception.Message);
            await RefuseAsync(cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogUnreachable(logger, exception, server);
        }

        return false;
    }

    // Waiting will not fix it, and endless attempts would hide it.
    private Task RefuseAsync(CancellationToken cancellationToken)
    {
        Environment.ExitCode = 1;
        lifetime.StopApplication();
        return Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Waiting for the {Part}: run 'Processor.Worker migrate'")]
    private static partial void LogNotMigrated(ILogger logger, string part);

    [LoggerMessage(LogLevel.Warning, "Waiting for the {Server}")]
    private static partial void LogUnreachable(ILogger logger, Exception exception, string server);

    [LoggerMessage(
        LogLevel.Critical,
        "A queue has other arguments than in " + nameof(Topology) + ": delete it when empty, and run 'migrate'. Broker reply: {ReplyText}")]
    private static partial void LogOtherArguments(ILogger logger, string replyText);

    [LoggerMessage(LogLevel.Critical, "The worker does not start. {Reason}")]
    private static partial void LogUnusable(ILogger logger, string reason);
}
