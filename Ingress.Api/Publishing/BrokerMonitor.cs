using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Knows whether the broker takes messages, so that a request need not find out by waiting. A connection of its own publishes a
/// canary and looks for the queue every second: MassTransit's health check reports a publish-only bus as healthy when the broker is
/// dead, under alarm, or without quorum.
/// </summary>
internal sealed partial class BrokerMonitor(IOptions<ConnectionOptions> connections, TimeProvider time, ILogger<BrokerMonitor> logger)
    : BackgroundService
{
    private const ushort NotFound = 404;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private volatile BrokerState _state = BrokerState.Unknown;
    private volatile bool _isBlocked;
    private long _stateSince;

    public BrokerState State => _state;

    /// <summary>How long the broker has been available without a break; zero when it is not.</summary>
    public TimeSpan AvailableFor => _state is BrokerState.Available ? time.GetElapsedTime(Volatile.Read(ref _stateSince)) : TimeSpan.Zero;

    /// <summary>The queue has been there once: the ingress has been deployed after <c>migrate</c>.</summary>
    public bool HasSeenQueue { get; private set; }

    /// <summary>What is known from now on.</summary>
    public void Become(BrokerState state)
    {
        if (_state != state)
        {
            Volatile.Write(ref _stateSince, time.GetTimestamp());
            _state = state;
            LogState(logger, state);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogProbeFailed(logger, exception);
            }

            await Task.Delay(ProbeInterval, time, stoppingToken);
        }
    }

    /// <summary>Opens a connection and probes it until something fails.</summary>
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        IConnection? connection = null;
        try
        {
            connection = await ConnectAsync(cancellationToken);
            connection.ConnectionBlockedAsync += OnBlockedAsync;
            connection.ConnectionUnblockedAsync += OnUnblockedAsync;
            connection.ConnectionShutdownAsync += OnShutdownAsync;
            await ProbeAsync(connection, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Said before anything is cleaned up: closing what does not answer takes its time.
            Become(exception is OperationInterruptedException { ShutdownReason.ReplyCode: NotFound } ? BrokerState.WithoutQueue : BrokerState.Away);
            throw;
        }
        finally
        {
            _isBlocked = false;
            if (connection is not null)
            {
                connection.ConnectionShutdownAsync -= OnShutdownAsync;
                await connection.CloseAsync(Constants.ReplySuccess, "Goodbye", ProbeTimeout, abort: true, CancellationToken.None)
                    .WaitAsync(ProbeTimeout * 2, time, CancellationToken.None);
            }
        }
    }

    private async Task ProbeAsync(IConnection connection, CancellationToken cancellationToken)
    {
        var confirms = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
        var channel = await connection.CreateChannelAsync(confirms, cancellationToken);
        channel.ContinuationTimeout = ProbeTimeout;
        for (; ; await Task.Delay(ProbeInterval, time, cancellationToken))
        {
            // A blocked connection is not read from: nothing would be answered until the broker says that it is over.
            if (!_isBlocked)
            {
                await ProbeAsync(channel, cancellationToken).WaitAsync(ProbeTimeout, time, cancellationToken);
                HasSeenQueue = true;
            }

            // Looked at again: the message that makes the broker block is itself confirmed.
            if (!_isBlocked)
            {
                Become(BrokerState.Available);
            }
            else if (!connection.IsOpen)
            {
                throw new BrokerUnreachableException(new IOException("The connection was closed while it was blocked."));
            }
        }
    }

    private static async Task ProbeAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, cancellationToken);
        // Under an alarm the broker stops reading from connections that publish, and only from those.
        await channel.BasicPublishAsync(Topology.CanaryExchange, routingKey: "", body: ReadOnlyMemory<byte>.Empty, cancellationToken);
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var address = BrokerAddress.Parse(connections.Value.RabbitMq);
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = ProbeTimeout,
            HandshakeContinuationTimeout = ProbeTimeout,
            ContinuationTimeout = ProbeTimeout,
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Of(address), "ingress-api monitor", cancellationToken);
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs args)
    {
        _isBlocked = true;
        Become(BrokerState.Blocked);
        return Task.CompletedTask;
    }

    private Task OnUnblockedAsync(object sender, AsyncEventArgs args)
    {
        _isBlocked = false;
        return Task.CompletedTask;
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs args)
    {
        if (args.ReplyCode is not NotFound && args.Initiator is not ShutdownInitiator.Application)
        {
            Become(BrokerState.Away);
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(LogLevel.Warning, "The broker is now {State}")]
    private static partial void LogState(ILogger logger, BrokerState state);

    [LoggerMessage(LogLevel.Debug, "The broker did not pass its probe")]
    private static partial void LogProbeFailed(ILogger logger, Exception exception);
}

/// <summary>What is known of the broker.</summary>
internal enum BrokerState
{
    /// <summary>Nothing yet: worth a try.</summary>
    Unknown,

    /// <summary>It takes messages and the queue is there.</summary>
    Available,

    /// <summary>It cannot be reached, or does not answer.</summary>
    Away,

    /// <summary>An alarm (memory, disk) makes it refuse messages.</summary>
    Blocked,

    /// <summary>It answers, but <c>migrate</c> has not declared the topology, or somebody has deleted it.</summary>
    WithoutQueue,
}
