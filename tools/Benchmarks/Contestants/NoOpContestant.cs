using MassTransit;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants;

/// <summary>The limit of MassTransit: a consumer that does nothing.</summary>
internal static class NoOpContestant
{
    public static Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken) =>
        ConsumingHost.RunAsync<NoOpConsumer>(options, cancellationToken);

    internal sealed class NoOpConsumer(Tally tally) : IConsumer<WebhookReceived>
    {
        public Task Consume(ConsumeContext<WebhookReceived> context)
        {
            tally.Count();
            return Task.CompletedTask;
        }
    }
}
