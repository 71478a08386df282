using System.Diagnostics;
using System.Globalization;
using MassTransit;
using MassTransit.Middleware;
using MassTransit.Middleware.Outbox;
using Platform.Contracts;
using Processor.Worker.Accounting;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// The platform's provider for MassTransit's inbox (<see cref="OutboxConsumeFilter{TContext,TMessage}"/>): runs the consumer, which fills
/// the unit of work, then waits for the commit of the unit. The message is acknowledged only after the commit.
/// </summary>
/// <remarks>The commit detects duplicates, so the consumer runs for a duplicate too: it must have no effect except on its unit.</remarks>
internal sealed class InboxContextFactory(
    UnitOfWork unit,
    PoisonMessageGuard guard,
    GroupCommitter committer,
    CommitWatchdog watchdog,
    PostponedMessages postponed,
    PendingArrivals arrivals,
    ProcessorMetrics metrics,
    IServiceProvider provider,
    TimeProvider time)
    : IOutboxContextFactory<UnitOfWork>
{
    public async Task Send<T>(ConsumeContext<T> context, OutboxConsumeOptions options, IPipe<OutboxConsumeContext<T>> next)
        where T : class
    {
        try
        {
            await ProcessAsync(context, options, next);
        }
        catch (NewerVersionException exception)
        {
            await arrivals.RecordAsync(context.Message, context.CancellationToken);
            await postponed.PostponeAsync(unit, context.ReceiveContext, exception);
        }
        catch (Exception exception) when (IsParked(exception))
        {
            await arrivals.RecordAsync(context.Message, context.CancellationToken);
            throw;
        }
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("outboxContextFactory").Add("provider", "groupCommit");

    private async Task ProcessAsync<T>(ConsumeContext<T> context, OutboxConsumeOptions options, IPipe<OutboxConsumeContext<T>> next)
        where T : class
    {
        var started = time.GetTimestamp();
        watchdog.Begin();
        try
        {
            using var turn = await guard.TakeTurnAsync(unit, Begin(context), context.CancellationToken);
            if (unit.IsSuspect)
            {
                await arrivals.RecordAsync(context.Message, context.CancellationToken);
            }

            await next.Send(new InboxConsumeContext<T>(context, options, provider));

            started = time.GetTimestamp();
            await CommitAsync();
        }
        catch (Exception exception) when (exception is not NewerVersionException)
        {
            ReportParking(exception);
            // The consumer was already reported as successful; without this call, MassTransit would not know that the message failed.
            await context.NotifyFaulted(time.GetElapsedTime(started), options.ConsumerType, exception);
            throw;
        }
        finally
        {
            watchdog.End();
        }
    }

    /// <returns>The number of earlier deliveries.</returns>
    private long Begin<T>(ConsumeContext<T> context)
        where T : class
    {
        unit.Begin(
            context.GetOriginalMessageId() ?? throw new MessageException(typeof(T), "The inbox needs a message id."),
            ConsumerIds.Find<T>(),
            Activity.Current?.Context ?? ReadTrace(context.ReceiveContext));
        unit.Delivery = Delivery.Find(context.ReceiveContext);
        var deliveries = CountDeliveries(context.ReceiveContext);
        ProcessorTraces.Redelivered(Activity.Current, deliveries);
        return deliveries;
    }

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

    // A cancelled message returns to the queue, and one for a newer version is postponed; every other failure parks the message.
    private static bool IsParked(Exception exception) => exception is not (OperationCanceledException or NewerVersionException);

    private void ReportParking(Exception exception)
    {
        if (IsParked(exception))
        {
            metrics.Parked(exception is SuspectException ? ParkingReason.Suspect : ParkingReason.Poison);
            ProcessorTraces.Parked(Activity.Current, unit);
        }
    }

    // The count of the broker on a quorum queue; absent on the first delivery.
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
            $"A consumer cannot publish {typeof(TSend).Name}: the commit decides which messages to send (GroupPlan).");
    }
}
