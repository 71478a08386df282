using System.Text.Json;
using Platform.Contracts;
using Platform.LocalStack;
using Platform.Simulator.Verdicts;
using RabbitMQ.Client;

namespace Platform.Simulator.Storms;

/// <summary>The application beside the platform: says by message whose the jobs of a storm are, each to be told by webhook.</summary>
internal sealed class Owners(StormPlan plan, string rabbitMq, WebhookReceiver receiver)
{
    /// <summary>The jobs that it registers, the first half and the other.</summary>
    public IReadOnlyList<string> JobIds { get; } =
        [.. plan.Events.Where(one => one.Expected is Expectation.Applied && JobFold.Concerns(one.Type)).Select(one => one.JobId).Distinct()];

    /// <summary>What they were told so far, in the order in which it arrived.</summary>
    public IReadOnlyCollection<ReceivedWebhook> Told => receiver.Received;

    /// <summary>Registers half of the jobs: before they begin.</summary>
    public Task RegisterFirstAsync(CancellationToken cancellationToken) =>
        RegisterAsync(JobIds.Where((_, index) => index % 2 == 0), cancellationToken);

    /// <summary>Registers the other half: when many have ended already.</summary>
    public Task RegisterOthersAsync(CancellationToken cancellationToken) =>
        RegisterAsync(JobIds.Where((_, index) => index % 2 == 1), cancellationToken);

    private async Task RegisterAsync(IEnumerable<string> jobIds, CancellationToken cancellationToken)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbitMq) }.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        foreach (var jobId in jobIds)
        {
            var now = TimeProvider.System.GetUtcNow();
            var registration = new RegisterJob { JobId = jobId, Resource = "video", UserId = "owner", WebhookUrl = receiver.Url, RegisteredAt = now };
            var envelope = Envelope.Of(
                Guid.NewGuid(), nameof(RegisterJob), JsonSerializer.Serialize(registration, JsonSerializerOptions.Web), now);
            var properties = new BasicProperties { MessageId = $"{envelope.MessageId}", ContentType = Envelope.ContentType, Persistent = true };
            await channel.BasicPublishAsync(envelope.Exchange, "", mandatory: true, properties, envelope.Content, cancellationToken);
        }
    }
}
