using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Holds the connection to the broker, and knows whether it takes messages, so that a request need not find out by waiting. Every second
/// a canary goes the way of the messages and the queue is looked for; a connection on which that fails or hangs is given up for a new
/// one.
/// </summary>
internal sealed partial class BrokerMonitor(
    IOptions<ConnectionOptions> connections, PublishQueue queue, TimeProvider time, ILogger<BrokerMonitor> logger)
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

    /// <summary>How long the broker has been available without a break; zero when it is not.</summary>
    public TimeSpan AvailableFor => _state is BrokerState.Available ? time.GetElapsedTime(Volatile.Read(ref _stateSince)) : TimeSpan.Zero;

    /// <summary>Messages that were written on this connection and not answered yet.</summary>
    public int UnansweredPublishes => _messages?.Unanswered ?? 0;

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

    /// <summary>Opens a connection, and publishes on it until something fails.</summary>
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
            // Said before anything is cleaned up: closing what does not answer takes its time.
            Become(exception is OperationInterruptedException { ShutdownReason.ReplyCode: NotFound } ? BrokerState.WithoutQueue : BrokerState.Away);
            throw;
        }
        finally
        {
            if (connection is not null)
            {
                // What it says from now on is not said of the next one.
                connection.ConnectionBlockedAsync -= OnBlockedAsync;
                connection.ConnectionUnblockedAsync -= OnUnblockedAsync;
                connection.ConnectionShutdownAsync -= OnShutdownAsync;
                // The client takes 5 s for one that hangs. One that it cannot even close is left to the heartbeat of the other end.
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
            // Neither ends but by a failure.
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
            else if (connection.IsOpen)
            {
                Become(BrokerState.Blocked);
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
            SocketFactory = BrokerSocket.Create,
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = ProbeTimeout,
            HandshakeContinuationTimeout = ProbeTimeout,
            ContinuationTimeout = ProbeTimeout,
            // A broker that hangs is found by the probes. This is for the other end, which holds on to a dead connection for as long.
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Of(address), "ingress-api", cancellationToken);
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
