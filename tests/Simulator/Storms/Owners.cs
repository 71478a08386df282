using System.Text.Json;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Simulator.Storms;

/// <summary>The application beside the platform: says whose jobs they are.</summary>
internal static class Owners
{
    /// <summary>Registers jobs by message, each for a webhook.</summary>
    public static async Task RegisterAsync(string rabbitMq, IEnumerable<string> jobIds, string webhookUrl, CancellationToken cancellationToken)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbitMq) }.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        foreach (var jobId in jobIds)
        {
            var now = TimeProvider.System.GetUtcNow();
            var registration = new RegisterJob { JobId = jobId, Resource = "video", UserId = "owner", WebhookUrl = webhookUrl, RegisteredAt = now };
            var envelope = Envelope.Of(
                Guid.NewGuid(), nameof(RegisterJob), JsonSerializer.Serialize(registration, JsonSerializerOptions.Web), now);
            var properties = new BasicProperties { MessageId = $"{envelope.MessageId}", ContentType = Envelope.ContentType, Persistent = true };
            await channel.BasicPublishAsync(envelope.Exchange, "", mandatory: true, properties, envelope.Content, cancellationToken);
        }
    }
}
