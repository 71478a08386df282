using System.Diagnostics;
using System.Globalization;
using MassTransit;
using MassTransit.Middleware;
using MassTransit.Middleware.Outbox;
using Platform.Contracts;

namespace Processor.Worker.Inbox;

/// <summary>
/// Our provider behind MassTransit's inbox (<see cref="OutboxConsumeFilter{TContext,TMessage}"/>): runs the consumer, which fills
/// the unit of work, then has the unit committed. The message is acknowledged after that and not before.
/// </summary>
/// <remarks>
/// Whether the message was consumed before is decided by the commit, so the consumer runs for a duplicate too: it must have no
/// effect but on its unit.
/// </remarks>
internal sealed class InboxContextFactory(
    UnitOfWork unit,
    Suspects suspects,
    GroupCommitter committer,
    Progress progress,
    ProcessorMetrics metrics,
    IServiceProvider provider,
    TimeProvider time)
    : IOutboxContextFactory<UnitOfWork>
{
    public async Task Send<T>(ConsumeContext<T> context, OutboxConsumeOptions options, IPipe<OutboxConsumeContext<T>> next)
        where T : class
    {
        unit.Begin(
            context.GetOriginalMessageId() ?? throw new MessageException(typeof(T), "The inbox needs a message id."),
            options.ConsumerId,
            Activity.Current?.Context ?? ReadTrace(context.ReceiveContext));
        var deliveries = CountDeliveries(context.ReceiveContext);
        ProcessorTraces.Redelivered(Activity.Current, deliveries);
        var started = time.GetTimestamp();
        progress.Begin();
        try
        {
            using var turn = await suspects.TakeTurnAsync(unit, deliveries, context.CancellationToken);
            await next.Send(new InboxConsumeContext<T>(context, options, provider));

            started = time.GetTimestamp();
            await CommitAsync();
        }
        catch (Exception exception)
        {
            TellParking(exception);
            // The consumer has been reported as done; without this, MassTransit would not know that the message has failed.
            await context.NotifyFaulted(time.GetElapsedTime(started), options.ConsumerType, exception);
            throw;
        }
        finally
        {
            progress.End();
        }
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("outboxContextFactory").Add("provider", "groupCommit");

    private async Task CommitAsync()
    {
        using var activity = ProcessorTraces.StartCommit();
        try
        {
            ProcessorTraces.Committed(activity, unit, await committer.CommitAsync(unit));
        }
        catch (Exception exception)
        {
            ProcessorTraces.Failed(activity, exception);
            throw;
        }
    }

    // Cancelled is what goes back to the queue; everything else is parked.
    private void TellParking(Exception exception)
    {
        if (exception is not OperationCanceledException)
        {
            metrics.Parked(exception is SuspectException ? ParkingReason.Suspect : ParkingReason.Poison);
            ProcessorTraces.Parked(Activity.Current, unit);
        }
    }

    // As the broker counts them, on a quorum queue; absent the first time.
    private static long CountDeliveries(ReceiveContext delivery) =>
        Convert.ToInt64(delivery.TransportHeaders.Get<object>("x-delivery-count") ?? 0L, CultureInfo.InvariantCulture);

    private static ActivityContext ReadTrace(ReceiveContext delivery) =>
        ActivityContext.TryParse(delivery.TransportHeaders.Get<string>(Envelope.TraceHeader), null, isRemote: true, out var trace) ? trace : default;

    private sealed class InboxConsumeContext<T>(ConsumeContext<T> context, OutboxConsumeOptions options, IServiceProvider provider)
        : OutboxConsumeContextProxy<T>(context, options, provider)
        where T : class
    {
        public override bool ContinueProcessing { get; set; }

        public override bool IsMessageConsumed => false;

        public override bool IsOutboxDelivered => false;

        public override int ReceiveCount => 0;

        public override long? LastSequenceNumber => null;

        public override Task SetConsumed() => Task.CompletedTask;

        public override Task SetDelivered() => Task.CompletedTask;

        public override Task<List<OutboxMessageContext>> LoadOutboxMessages() => Task.FromResult<List<OutboxMessageContext>>([]);

        public override Task NotifyOutboxMessageDelivered(OutboxMessageContext message) => Task.CompletedTask;

        public override Task RemoveOutboxMessages() => Task.CompletedTask;

        public override Task AddSend<TSend>(SendContext<TSend> context) => throw new NotSupportedException(
            $"A consumer cannot publish {typeof(TSend).Name}: what leaves because of a commit is decided by the commit (GroupPlan).");
    }
}
