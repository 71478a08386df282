using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// The limit of the broker's client: Kestrel, the ingress's verification, and the same bytes published to the same exchange, mandatory
/// and confirmed, over one connection and one channel.
/// </summary>
internal static class ClientContestant
{
    private static readonly string Exchange = $"{typeof(WebhookReceived).Namespace}:{nameof(WebhookReceived)}";

    /// <summary>The client tracks the confirms: a publish completes with its confirm.</summary>
    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        await using var connection = await options.ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        return await RunAsync(
            options,
            (properties, body, token) => channel.BasicPublishAsync(Exchange, "", mandatory: true, properties, body, token).AsTask(),
            cancellationToken);
    }

    /// <summary>A hand-written table tracks the confirms: the fastest use of the client.</summary>
    public static async Task<int> RunTrackedAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        await using var connection = await options.ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false), cancellationToken);
        var confirms = new ConfirmTable(channel);
        return await RunAsync(
            options, (properties, body, token) => confirms.PublishAsync(Exchange, properties, body, token), cancellationToken);
    }

    private static Task<int> RunAsync(
        ContestantOptions options, Func<BasicProperties, byte[], CancellationToken, Task> publish, CancellationToken cancellationToken)
    {
        var envelope = EnvelopeTemplate.Load(options.Envelope);
        var answer = WebhookServer.Verified(
            options.Secret,
            (message, token) => publish(envelope.Properties(message), envelope.Render(message), token));
        return WebhookServer.RunAsync(options.Url, answer, cancellationToken);
    }
}
