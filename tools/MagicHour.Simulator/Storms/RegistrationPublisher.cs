using System.Text.Json;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using Platform.Simulator.Verdicts;
using RabbitMQ.Client;

namespace Platform.Simulator.Storms;

/// <summary>Registers the owners of jobs by message, with a webhook for notifications, as an application does.</summary>
internal sealed class RegistrationPublisher : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly string _user;

    private RegistrationPublisher(IConnection connection, IChannel channel, string user)
    {
        _connection = connection;
        _channel = channel;
        _user = user;
    }

    public static async Task<RegistrationPublisher> ConnectAsync(string rabbitMq, CancellationToken cancellationToken)
    {
        var connection = await Queues.OpenConnectionAsync(rabbitMq, "storm owners", cancellationToken);
        try
        {
            var channel = await connection.CreateChannelAsync(
                new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
            return new RegistrationPublisher(connection, channel, BrokerAddress.Parse(rabbitMq).User);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns once the broker has confirmed the message.</summary>
    public async Task RegisterAsync(string jobId, string resource, string webhookUrl, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var registration = new RegisterJob { JobId = jobId, Resource = resource, UserId = "owner", WebhookUrl = webhookUrl, RegisteredAt = now };
        var envelope = Envelope.Create(
            Guid.NewGuid(), nameof(RegisterJob), JsonSerializer.SerializeToUtf8Bytes(registration, JsonSerializerOptions.Web), now);
        // Sets the broker user as an application should, so that no other user can claim the job.
        var properties = new BasicProperties { MessageId = $"{envelope.MessageId}", ContentType = Envelope.ContentType, Persistent = true, UserId = _user };
        await _channel.BasicPublishAsync(envelope.Exchange, "", mandatory: true, properties, envelope.Content, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
