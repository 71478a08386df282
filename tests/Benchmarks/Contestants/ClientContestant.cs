using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// What the broker's client can do by itself: Kestrel, the ingress's verification, and the same bytes to the same exchange, mandatory
/// and confirmed, over one connection and one channel.
/// </summary>
internal static class ClientContestant
{
    private static readonly string Exchange = $"{typeof(WebhookReceived).Namespace}:{nameof(WebhookReceived)}";

    /// <summary>The client tracks the confirms: a publish ends with its own.</summary>
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

    /// <summary>Confirms are tracked by hand: the most that the client can do.</summary>
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
