using Microsoft.Extensions.Options;
using Processor.Worker.Events;

namespace Processor.Worker.Inbox;

/// <summary>
/// Limits on messages and bytes in flight. They are lower after an unclean end (<see cref="RunMarker"/>): if the kernel killed the process
/// for memory, no single message is to blame, and the same load would kill it again.
/// </summary>
internal sealed partial class ConsumerLimits
{
    /// <summary>The divisor of the usual concurrency after an unclean end.</summary>
    public const int Reduction = 8;

    /// <summary>Messages to settle before the usual concurrency is restored.</summary>
    public const int SettledUntilRestored = 2000;

    private readonly IOptions<EventOptions> _options;
    private readonly ILogger<ConsumerLimits> _logger;
    private readonly TaskCompletionSource _restored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _missing;

    public ConsumerLimits(IOptions<EventOptions> options, ILogger<ConsumerLimits> logger)
    {
        _options = options;
        _logger = logger;
        if (File.Exists(options.Value.RunMarker))
        {
            _missing = SettledUntilRestored;
            LogReduced(logger, InWork, options.Value.InWork, SettledUntilRestored);
        }
        else
        {
            _restored.SetResult();
        }
    }

    /// <summary>Completes when the usual limits apply.</summary>
    public Task Restored => _restored.Task;

    /// <inheritdoc cref="EventOptions.InWork"/>
    public int InWork => Reduce(_options.Value.InWork);

    /// <inheritdoc cref="EventOptions.BytesInWork"/>
    public long BytesInWork => Restored.IsCompleted ? _options.Value.BytesInWork : _options.Value.BytesInWork / Reduction;

    /// <summary>A message was settled.</summary>
    public void MessageSettled()
    {
        if (!Restored.IsCompleted && Interlocked.Decrement(ref _missing) == 0)
        {
            LogRestored(_logger, _options.Value.InWork);
            _restored.SetResult();
        }
    }

    private int Reduce(int inWork) => Restored.IsCompleted ? inWork : Math.Max(1, inWork / Reduction);

    [LoggerMessage(
        LogLevel.Warning,
        "The last run of this worker did not end cleanly: it was killed, perhaps for memory. Concurrency is {InWork} instead of {Usual} until {Settled} messages are settled")]
    private static partial void LogReduced(ILogger logger, int inWork, int usual, int settled);

    [LoggerMessage(LogLevel.Information, "Concurrency is back to {InWork}")]
    private static partial void LogRestored(ILogger logger, int inWork);
}
