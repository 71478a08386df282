using System.Threading.Channels;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Where messages wait, for moments, for the one who writes them to the broker. Closed while there is no connection: nobody is kept
/// waiting for one.
/// </summary>
internal sealed class PublishQueue
{
    private volatile Channel<PendingPublish>? _open;

    /// <summary>False when there is no connection to publish on.</summary>
    public bool TryAdd(PendingPublish publish) => _open?.Writer.TryWrite(publish) ?? false;

    /// <summary>From now on messages are taken, for this reader.</summary>
    public ChannelReader<PendingPublish> Open()
    {
        var opened = Channel.CreateUnbounded<PendingPublish>(new() { SingleReader = true });
        _open = opened;
        return opened.Reader;
    }

    /// <summary>From now on none are. What is still in it is for the reader to give an answer to.</summary>
    public void Close()
    {
        _open?.Writer.TryComplete();
        _open = null;
    }
}

/// <summary>A message that is being published, and the broker's answer to it.</summary>
/// <param name="trace">The span that it belongs to, in the form of the W3C's <c>traceparent</c>; null when there is none.</param>
internal sealed class PendingPublish(Envelope message, string? trace)
{
    private readonly TaskCompletionSource<PublishAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Envelope? _message = message;

    public Guid MessageId { get; } = message.MessageId;

    public string? Trace => trace;

    public Task<PublishAnswer> Answer => _answer.Task;

    /// <summary>The message, to write it, once. Null when it was given up before.</summary>
    public Envelope? Take() => Interlocked.Exchange(ref _message, null);

    /// <summary>Only the first answer counts: a message that was returned is confirmed too.</summary>
    public void Resolve(PublishAnswer answer) => _answer.TrySetResult(answer);

    /// <summary>Nobody waits for the answer any more. What has not been written yet need not be.</summary>
    public void GiveUp() => Take();
}

/// <summary>What the broker says of a message.</summary>
/// <param name="Failure">Why it has not taken it; null when it has.</param>
internal sealed record PublishAnswer(PublishResult Result, string? Failure)
{
    public static PublishAnswer Confirmed { get; } = new(PublishResult.Confirmed, null);

    public static PublishAnswer Refused { get; } = new(PublishResult.Refused, "The broker refused it.");

    public static PublishAnswer TimedOut { get; } = new(PublishResult.TimedOut, "It was not answered in time.");

    public static PublishAnswer Lost { get; } = new(PublishResult.Lost, "The connection was lost.");

    /// <summary>The broker itself has answered.</summary>
    public bool IsOfTheBroker => Result is PublishResult.Confirmed or PublishResult.Returned or PublishResult.Refused;

    public static PublishAnswer Returned(string reason) => new(PublishResult.Returned, $"The broker returned it: {reason}.");
}

/// <summary>What became of a message that was handed over.</summary>
internal enum PublishResult
{
    /// <summary>The broker has it, in a queue.</summary>
    Confirmed,

    /// <summary>No queue took it.</summary>
    Returned,

    /// <summary>A queue that is full, for example, refuses.</summary>
    Refused,

    /// <summary>Nobody has answered within the budget.</summary>
    TimedOut,

    /// <summary>The connection was lost before the broker could answer.</summary>
    Lost,
}
