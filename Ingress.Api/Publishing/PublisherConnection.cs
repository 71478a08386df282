using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Ingress.Api.Publishing;

/// <summary>
/// Keeps a connection to the broker open, with one channel that publishes the queued messages and one that probes the broker. When either
/// fails or hangs, it replaces the connection.
/// </summary>
internal sealed partial class PublisherConnection(
    IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, PublishQueue queue, BrokerHealth broker, TimeProvider time,
    ILogger<PublisherConnection> logger) : BackgroundService
{
    private static readonly TimeSpan ReconnectInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(6);

    private volatile ConfirmedChannel? _messages;

    /// <summary>Messages written on this connection and not yet answered.</summary>
    public int UnansweredPublishes => _messages?.Unanswered ?? 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            IConnection? connection = null;
            try
            {
                connection = await ConnectAsync(stoppingToken);
                await PublishAsync(connection, stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // Report the outage before closing: an unresponsive connection takes time to close.
                var isWithoutQueue = exception is OperationInterruptedException { ShutdownReason.ReplyCode: Constants.NotFound };
                broker.TransitionTo(isWithoutQueue ? BrokerState.WithoutQueue : BrokerState.Unavailable);
                LogFailed(logger, exception);
            }
            finally
            {
                await CloseAsync(connection);
            }

            await Task.Delay(ReconnectInterval, time, stoppingToken);
        }
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
            RequestedConnectionTimeout = AnswerTimeout,
            HandshakeContinuationTimeout = AnswerTimeout,
            ContinuationTimeout = AnswerTimeout,
            // The probes detect a broker that hangs. The heartbeat is for the broker, which would keep a dead connection open otherwise.
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
        };
        return await factory.CreateConnectionAsync(BrokerEndpoints.Create(address, options.Value.CertificateAuthorities), "ingress-api", cancellationToken);
    }

    /// <summary>Publishes and probes until one of the two fails.</summary>
    private async Task PublishAsync(IConnection connection, CancellationToken cancellationToken)
    {
        using var messages = await ConfirmedChannel.OpenAsync(connection, queue, cancellationToken);
        _messages = messages;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // The probe first: it listens before a message can cause the broker to block the connection.
        Task[] both = [new BrokerProbe(connection, broker, time).RunAsync(over.Token), messages.RunAsync(over.Token)];
        try
        {
            await await Task.WhenAny(both);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(both).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task CloseAsync(IConnection? connection)
    {
        if (connection is not null)
        {
            // The client takes 5 s to close a hung connection. If even that hangs, the other end closes it by heartbeat.
            await connection.CloseAsync(Constants.ReplySuccess, "Goodbye", AnswerTimeout, abort: true, CancellationToken.None)
                .WaitAsync(CloseTimeout, time, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Debug, "The connection to the broker failed")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
