using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Processor.Worker.Release;

namespace Processor.Worker.Tests;

/// <summary>Discards parked messages of a place that does not answer.</summary>
public sealed class DiscardRunTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broker_that_neither_answers_nor_fails_ends_the_run(bool isDryRun)
    {
        var time = new FakeTimeProvider();
        var run = new DiscardRun(new ReleaseRequest(PlaceName.Error, new HashSet<string>(), isDryRun), time);

        var running = run.RunAsync(new SilentPlace(), Cancel);
        await Waiting.UntilAsync("the run ends", () => Advance(time, running), Cancel);

        await Assert.ThrowsAsync<TimeoutException>(() => running);
        Assert.Equal(0, run.Count);
    }

    private static Task<bool> Advance(FakeTimeProvider time, Task running)
    {
        time.Advance(IParkingPlace<SilentMessage>.Patience);
        return Task.FromResult(running.IsCompleted);
    }

    private sealed class SilentMessage : ParkedMessage;

    /// <summary>It has one message, and settles none.</summary>
    private sealed class SilentPlace : IParkingPlace<SilentMessage>
    {
        private static readonly Task Never = new TaskCompletionSource().Task;

        public string Name => "silent";

        public Task<long> CountAsync(CancellationToken cancellationToken) => Task.FromResult(1L);

        public async IAsyncEnumerable<IReadOnlyList<SilentMessage>> ReadAsync(
            long count, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield return
            [
                new SilentMessage
                {
                    Id = "1", MessageId = null, EventType = "video.completed", JobId = "j", Reason = "a test", ParkedAt = null, IsUsable = true,
                },
            ];
        }

        public Task PublishAsync(SilentMessage message, CancellationToken cancellationToken) => Never;

        public Task SettleAsync(IReadOnlyList<SilentMessage> released, IReadOnlyList<SilentMessage> kept, CancellationToken cancellationToken) => Never;

        public Task DiscardAsync(IReadOnlyList<SilentMessage> discarded, IReadOnlyList<SilentMessage> kept, CancellationToken cancellationToken) => Never;
    }
}
