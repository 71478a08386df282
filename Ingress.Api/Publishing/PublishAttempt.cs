using MassTransit;
using PublishException = RabbitMQ.Client.Exceptions.PublishException;

namespace Ingress.Api.Publishing;

/// <summary>One publish with its budget: cancelled when that is used up, or when the broker has refused the message.</summary>
internal sealed class PublishAttempt(TimeSpan budget, TimeProvider time) : CancellationTokenSource(budget, time)
{
    /// <summary>What the broker said when it refused the message; null when it did not.</summary>
    public Exception? Refusal { get; private set; }

    public void Refuse(Exception refusal)
    {
        // One that was given up goes on, and its source is disposed of.
        if (!IsCancellationRequested)
        {
            Refusal = refusal;
            Cancel();
        }
    }
}

/// <summary>
/// Hears that the broker has refused a message, because a queue is full for example. MassTransit takes that for a broken connection and
/// tries again until the budget is used up.
/// </summary>
internal sealed class RefusalObserver : IPublishObserver
{
    public Task PrePublish<T>(PublishContext<T> context)
        where T : class => Task.CompletedTask;

    public Task PostPublish<T>(PublishContext<T> context)
        where T : class => Task.CompletedTask;

    public Task PublishFault<T>(PublishContext<T> context, Exception exception)
        where T : class
    {
        if (exception.GetBaseException() is PublishException { IsReturn: false } refusal && context.TryGetPayload(out PublishAttempt? attempt))
        {
            attempt.Refuse(refusal);
        }

        return Task.CompletedTask;
    }
}
