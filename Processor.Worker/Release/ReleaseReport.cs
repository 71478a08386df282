
namespace Processor.Worker.Release;

/// <summary>The output of a release: a line for each requested message, the progress, and a summary.</summary>
internal sealed class ReleaseReport(ReleaseRequest request, TextWriter output, TimeProvider time)
{
    private const int MaxLineLength = 400;
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(3);

    private readonly HashSet<string> _notSeen = new(request.Ids, StringComparer.OrdinalIgnoreCase);
    private long? _count;
    private long _seen;
    private long _released;
    private long _notUsable;
    private long _notAskedFor;
    private long _started = time.GetTimestamp();
    private TimeSpan _lastProgress;

    private string Released => request.IsDryRun ? "would release" : "released";

    private TimeSpan Elapsed => time.GetElapsedTime(_started);

    /// <summary>Every message requested by its id was found.</summary>
    public bool IsComplete => _notSeen.Count == 0;

    /// <summary>Released so far, or with a dry run what would be.</summary>
    public long ReleasedCount => _released;

    /// <summary>Asked for, and kept: not usable, or not confirmed.</summary>
    public long KeptCount => _seen - _released - _notAskedFor;

    /// <summary>Why the messages asked for were parked; null before the first.</summary>
    public string? Cause { get; private set; }

    public void Begin(string place, long count)
    {
        _count = count;
        _started = time.GetTimestamp();
        output.WriteLine($"{place} holds {count:N0}");
    }

    /// <param name="chunk">The messages examined.</param>
    /// <param name="released">Those released, or with a dry run those that would be.</param>
    public void Show<T>(IReadOnlyList<T> chunk, IReadOnlyCollection<T> released)
        where T : ParkedMessage
    {
        foreach (var message in chunk.Where(message => request.Includes(message)))
        {
            Cause ??= message.Cause.Text;
            _notSeen.Remove(message.Id);
            output.WriteLine(Line(released.Contains(message) ? Released : message.IsUsable ? "not confirmed" : "kept", message));
        }

        _seen += chunk.Count;
        _released += released.Count;
        _notAskedFor += chunk.Count(message => !request.Includes(message));
        _notUsable += chunk.Count(message => request.Includes(message) && !message.IsUsable);
        ShowProgress();
    }

    /// <summary>Writes the summary, also for an aborted run; nothing when the run did not start.</summary>
    public void Summarize()
    {
        if (_count is null)
        {
            return;
        }

        string[] reasons =
        [
            .. Reason(_notAskedFor, "not asked for"),
            .. Reason(_notUsable, "not usable"),
            .. Reason(_seen - _released - _notAskedFor - _notUsable, "not confirmed"),
        ];
        output.WriteLine($"{Progress}, kept {_seen - _released:N0}{(reasons.Length > 0 ? $": {string.Join(", ", reasons)}" : "")}");
        foreach (var id in _notSeen)
        {
            output.WriteLine(OneLine($"there is no {id}"));
        }
    }

    private string Progress =>
        $"{Released} {_released:N0} of {_count:N0} in {Elapsed.TotalSeconds:0.0} s ({_released / Math.Max(Elapsed.TotalSeconds, 0.001):N0}/s)";

    private void ShowProgress()
    {
        if (Elapsed - _lastProgress >= ProgressInterval)
        {
            _lastProgress = Elapsed;
            output.WriteLine($"... {_seen:N0} examined, {Progress}");
        }
    }

    private static string[] Reason(long count, string why) => count > 0 ? [$"{count:N0} {why}"] : [];

    private static string Line(string what, ParkedMessage message) => OneLine(
        $"{what}  {message.Id}  {message.EventType}  {message.JobId}  {message.ParkedAt?.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}  {message.Reason}");

    // Removes line breaks and control characters: third-party text must not imitate the report's own lines.
    private static string OneLine(string text) => string.Concat(
        text.Take(MaxLineLength).Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? '\uFFFD' : character));
}
