using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// The handler of the sender's guide, implemented conventionally: verify, answer immediately, and store in the background, with one Entity
/// Framework session per event and no broker. Events that are answered but not yet stored exist only in memory.
/// </summary>
internal static class GuideContestant
{
    // As many as a small database serves well. Without a bound the connection pool would time out and lose events on its own.
    private const int Sessions = 16;

    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        await using var services = new ServiceCollection()
            .AddDbContext<GuideDatabase>(builder => GuideDatabase.Configure(builder, options.Postgres))
            .BuildServiceProvider();
        var answered = Channel.CreateUnbounded<GuideEvent>();
        var storing = Enumerable.Range(0, Sessions).Select(_ => StoreAsync(services, answered.Reader, cancellationToken));
        await Task.WhenAny([.. storing, ServeAsync(options, answered.Writer, cancellationToken)]).Unwrap();
        return 0;
    }

    private static Task<int> ServeAsync(
        ContestantOptions options, ChannelWriter<GuideEvent> answered, CancellationToken cancellationToken) =>
        WebhookServer.RunAsync(
            options.Url,
            WebhookServer.Verified(options.Secret, (message, token) => answered.WriteAsync(Keep(message), token).AsTask()),
            cancellationToken);

    private static async Task StoreAsync(ServiceProvider services, ChannelReader<GuideEvent> answered, CancellationToken cancellationToken)
    {
        await foreach (var received in answered.ReadAllAsync(cancellationToken))
        {
            await using var scope = services.CreateAsyncScope();
            var database = scope.ServiceProvider.GetRequiredService<GuideDatabase>();
            await database.ApplyAsync(received, cancellationToken);
            await database.SaveChangesAsync(cancellationToken);
        }
    }

    private static GuideEvent Keep(WebhookReceived message) => new()
    {
        EventId = message.EventId,
        EventType = message.EventType,
        JobId = message.JobId,
        ReceivedAt = message.ReceivedAt,
        Body = message.Body.ToArray(),
    };
}
