using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Context;
using MassTransit.Middleware;
using MassTransit.Middleware.Rescue;
using RabbitMQ.Client;

namespace Processor.Worker.Inbox;

/// <summary>
/// Moves messages to <c>_error</c> and <c>_skipped</c> without AMQP's <c>user-id</c>, the broker user who published them. The broker
/// accepts it from that user alone: sent by the worker, it would close the channel and redeliver everything in flight on it, again and
/// again. What a stop interrupts is not moved: it returns to its queue.
/// </summary>
internal static class ParkingPipe
{
    /// <summary>MassTransit's own steps, with one more before the last.</summary>
    public static void UseParking(this IReceiveEndpointConfigurator endpoint, IRegistrationContext context)
    {
        var budget = context.GetRequiredService<DeliveryBudget>();
        endpoint.UseFilter(new InterruptedFilter());
        endpoint.ConfigureError(error =>
        {
            error.UseFilter(new GenerateFaultFilter());
            error.UseFilter(new FailedFilter(budget));
            error.UseFilter(new ErrorTransportFilter());
        });
        endpoint.ConfigureDeadLetter(skipped =>
        {
            skipped.UseFilter(new SkippedFilter(budget));
            skipped.UseFilter(new DeadLetterTransportFilter());
        });
    }

    private static T? WithoutUser<T>(T? payload)
        where T : class =>
        payload is RabbitMqBasicConsumeContext delivery && typeof(T) == typeof(RabbitMqBasicConsumeContext) ? (T)(object)new Delivery(delivery) : payload;

    /// <summary>
    /// Returns a message to its queue when its consumer was cancelled, as by the stop of the process. MassTransit does so only for the token
    /// of the endpoint, which is not cancelled at a stop, and would park it.
    /// </summary>
    private sealed class InterruptedFilter : IFilter<ConsumeContext>
    {
        public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
        {
            try
            {
                await next.Send(context);
            }
            catch (ConsumerCanceledException exception)
            {
                throw new OperationCanceledException(exception.Message, exception);
            }
        }

        public void Probe(ProbeContext context) => context.CreateFilterScope("interrupted");
    }

    private sealed class FailedFilter(DeliveryBudget budget) : IFilter<ExceptionReceiveContext>
    {
        public Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next) => budget.RequestAsync(() => next.Send(new FailedContext(context)));

        public void Probe(ProbeContext context) => context.CreateFilterScope("withoutUser");
    }

    private sealed class SkippedFilter(DeliveryBudget budget) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => budget.RequestAsync(() => next.Send(new SkippedContext(context)));

        public void Probe(ProbeContext context) => context.CreateFilterScope("withoutUser");
    }

    private sealed class FailedContext(ExceptionReceiveContext context) : RescueExceptionReceiveContext(context, context.Exception)
    {
        public override bool TryGetPayload<TPayload>([NotNullWhen(true)] out TPayload? payload)
            where TPayload : class =>
            (payload = base.TryGetPayload(out TPayload? found) ? WithoutUser<TPayload>(found) : null) is not null;
    }

    private sealed class SkippedContext(ReceiveContext context) : ReceiveContextProxy(context)
    {
        public override bool TryGetPayload<TPayload>([NotNullWhen(true)] out TPayload? payload)
            where TPayload : class =>
            (payload = base.TryGetPayload(out TPayload? found) ? WithoutUser<TPayload>(found) : null) is not null;
    }

    private sealed class Delivery(RabbitMqBasicConsumeContext delivery) : RabbitMqBasicConsumeContext
    {
        public string Exchange => delivery.Exchange;

        public string? RoutingKey => delivery.RoutingKey;

        public string ConsumerTag => delivery.ConsumerTag;

        public ulong DeliveryTag => delivery.DeliveryTag;

        public IReadOnlyBasicProperties Properties { get; } = new BasicProperties(delivery.Properties) { UserId = null };
    }
}
