using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Holds the connection to the broker and tracks whether it accepts messages, so that a request
/// need not wait to find out. Every second it publishes a canary along the path of the messages
/// and checks that the queue exists. When a check fails or hangs, it replaces the connection.
/// </summary>
internal sealed partial class BrokerMonitor(
    IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, PublishQueue queue, TimeProvider time, ILogger<BrokerMonitor> logger)
    : BackgroundService
{
    private const ushort NotFound = 404;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(6);

    private volatile BrokerState _state = BrokerState.Unknown;
    private volatile bool _isBlocked;
    private volatile ConfirmedChannel? _messages;
    private long _stateSince;

    public BrokerState State => _state;

    /// <summary>How long the broker has been available without interruption; zero while it is unavailable.</summary>
    public TimeSpan AvailableFor => _state is BrokerState.Available ? time.GetElapsedTime(Volatile.Read(ref _stateSince)) : TimeSpan.Zero;

    /// <summary>Messages written on this connection and not yet answered.</summary>
    public int UnansweredPublishes => _messages?.Unanswered ?? 0;

    /// <summary>Whether the queue has ever been seen, which shows that <c>migrate</c> has run.</summary>
    public bool HasSeenQueue { get; private set; }

    /// <summary>Sets the current state.</summary>
    public void TransitionTo(BrokerState state)
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

    /// <summary>Opens a connection and publishes on it until something fails.</summary>
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        IConnection? connection = null;
        try
        {
            connection = await ConnectAsync(cancellationToken);
            _isBlocked = false;
            connection.ConnectionBlockedAsync += OnBlockedAsync;
            connection.ConnectionUnblockedAsync += OnUnblockedAsync;
            connection.ConnectionShutdownAsync += OnShutdownAsync;
            await PublishAsync(connection, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Report the outage before cleaning up: closing an unresponsive connection takes time.
            TransitionTo(exception is OperationInterruptedException { ShutdownReason.ReplyCode: NotFound } ? BrokerState.WithoutQueue : BrokerState.Unavailable);
            throw;
        }
        finally
        {
            if (connection is not null)
            {
                // From here on, events of this connection must not change the state of the next one.
                connection.ConnectionBlockedAsync -= OnBlockedAsync;
                connection.ConnectionUnblockedAsync -= OnUnblockedAsync;
                connection.ConnectionShutdownAsync -= OnShutdownAsync;
                // The client takes 5 s to close a hung connection. If even that hangs, the other end closes it by heartbeat.
                await connection.CloseAsync(Constants.ReplySuccess, "Goodbye", ProbeTimeout, abort: true, CancellationToken.None)
                    .WaitAsync(CloseTimeout, time, CancellationToken.None)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task PublishAsync(IConnection connection, CancellationToken cancellationToken)
    {
        using var messages = await ConfirmedChannel.OpenAsync(connection, queue, cancellationToken);
        _messages = messages;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] both = [messages.RunAsync(over.Token), ProbeAsync(connection, over.Token)];
        try
        {
            // Both tasks run until a failure.
            await await Task.WhenAny(both);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(both).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ProbeAsync(IConnection connection, CancellationToken cancellationToken)
    {
        var confirms = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
        var channel = await connection.CreateChannelAsync(confirms, cancellationToken);
        channel.ContinuationTimeout = ProbeTimeout;
        for (; ; await Task.Delay(ProbeInterval, time, cancellationToken))
        {
            // The client does not read from a blocked connection, so no answer arrives until the broker unblocks it.
            if (!_isBlocked)
            {
                await ProbeAsync(channel, cancellationToken).WaitAsync(ProbeTimeout, time, cancellationToken);
                HasSeenQueue = true;
            }

            // Check again: the message that causes the broker to block is itself confirmed.
            if (!_isBlocked)
            {
                TransitionTo(BrokerState.Available);
            }
            else if (connection.IsOpen)
            {
                TransitionTo(BrokerState.Blocked);
            }
            else
            {
                throw new BrokerUnreachableException(new IOException("The connection was closed while it was blocked."));
            }
        }
    }

    private static async Task ProbeAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await channel.QueueDeclarePassiveAsync(Topology.WebhookReceivedQueue, cancellationToken);
        // Under an alarm, the broker stops reading only from connections that publish.
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
            SocketFactory = BrokerSocket.Create,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = ProbeTimeout,
            HandshakeContinuationTimeout = ProbeTimeout,
            ContinuationTimeout = ProbeTimeout,
            // The probes detect a broker that hangs. The heartbeat is for the broker, which would keep a dead connection open otherwise.
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Create(address, options.Value.CertificateAuthorities), "ingress-api", cancellationToken);
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs args)
    {
        _isBlocked = true;
        TransitionTo(BrokerState.Blocked);
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
            TransitionTo(BrokerState.Unavailable);
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(LogLevel.Warning, "The broker is now {State}")]
    private static partial void LogState(ILogger logger, BrokerState state);

    [LoggerMessage(LogLevel.Debug, "The broker failed its probe")]
    private static partial void LogProbeFailed(ILogger logger, Exception exception);
}
