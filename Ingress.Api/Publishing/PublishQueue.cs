using System.Threading.Channels;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Holds messages briefly until the writer sends them to the broker. Closed while there is no connection, so that no request waits for one.
/// </summary>
internal sealed class PublishQueue
{
    private volatile Channel<PendingPublish>? _open;

    /// <summary>False when there is no connection to publish on.</summary>
    public bool TryAdd(PendingPublish publish) => _open?.Writer.TryWrite(publish) ?? false;

    /// <summary>Opens the queue; this reader takes the messages.</summary>
    public ChannelReader<PendingPublish> Open()
    {
        var opened = Channel.CreateUnbounded<PendingPublish>(new() { SingleReader = true });
        _open = opened;
        return opened.Reader;
    }

    /// <summary>Closes the queue. The reader must answer the messages still in it.</summary>
    public void Close()
    {
        _open?.Writer.TryComplete();
        _open = null;
    }
}

/// <summary>A message being published, and the broker's answer to it.</summary>
/// <param name="trace">The span that it belongs to, as a W3C <c>traceparent</c>; null when there is none.</param>
internal sealed class PendingPublish(Envelope message, string? trace)
{
    private readonly TaskCompletionSource<PublishAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Envelope? _message = message;

    public Guid MessageId { get; } = message.MessageId;

    public string? Trace => trace;

    public Task<PublishAnswer> Answer => _answer.Task;

    /// <summary>Takes the message for writing, once. Null when it has already been abandoned.</summary>
    public Envelope? Take() => Interlocked.Exchange(ref _message, null);

    /// <summary>Only the first answer counts: a returned message is confirmed too.</summary>
    public void Resolve(PublishAnswer answer) => _answer.TrySetResult(answer);

    /// <summary>Abandons the message: no request waits for its answer, and it need not be written if it has not been yet.</summary>
    public void GiveUp() => Take();
}

/// <summary>The broker's answer to a message.</summary>
/// <param name="Failure">Why the broker did not accept it; null when it did.</param>
internal sealed record PublishAnswer(PublishResult Result, string? Failure)
{
    public static PublishAnswer Confirmed { get; } = new(PublishResult.Confirmed, null);

    public static PublishAnswer Refused { get; } = new(PublishResult.Refused, "The broker refused it.");

    public static PublishAnswer TimedOut { get; } = new(PublishResult.TimedOut, "It was not answered in time.");

    public static PublishAnswer Lost { get; } = new(PublishResult.Lost, "The connection was lost.");

    /// <summary>Whether the broker itself has answered.</summary>
    public bool IsOfTheBroker => Result is PublishResult.Confirmed or PublishResult.Returned or PublishResult.Refused;

    public static PublishAnswer Returned(string reason) => new(PublishResult.Returned, $"The broker returned it: {reason}.");
}

/// <summary>The result for a message that was handed over.</summary>
internal enum PublishResult
{
    /// <summary>The broker has the message in a queue.</summary>
    Confirmed,

    /// <summary>No queue accepted it.</summary>
    Returned,

    /// <summary>The broker refused it, for example because the queue is full.</summary>
    Refused,

    /// <summary>There was no answer within the budget.</summary>
    TimedOut,

    /// <summary>The connection was lost before the broker answered.</summary>
    Lost,
}
