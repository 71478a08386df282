namespace Processor.Worker.Release;

/// <summary>What a person sees of a release: a line for each message that was asked for, how far it is, and the sum.</summary>
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

    public void Begin(string place, long count)
    {
        _count = count;
        _started = time.GetTimestamp();
        output.WriteLine($"{place} holds {count:N0}");
    }

    /// <param name="chunk">What was looked at.</param>
    /// <param name="released">What of it was released, or would be but for a dry run.</param>
    public void Show<T>(IReadOnlyList<T> chunk, IReadOnlyCollection<T> released)
        where T : ParkedMessage
    {
        foreach (var message in chunk.Where(message => request.Includes(message.Id)))
        {
            _notSeen.Remove(message.Id);
            output.WriteLine(Line(released.Contains(message) ? Released : message.IsUsable ? "not confirmed" : "kept", message));
        }

        _seen += chunk.Count;
        _released += released.Count;
        _notAskedFor += chunk.Count(message => !request.Includes(message.Id));
        _notUsable += chunk.Count(message => request.Includes(message.Id) && !message.IsUsable);
        ShowProgress();
    }

    /// <summary>The sum, also of a run that did not come to its end; nothing when it did not begin.</summary>
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
            output.WriteLine($"... {_seen:N0} looked at, {Progress}");
        }
    }

    private static string[] Reason(long count, string why) => count > 0 ? [$"{count:N0} {why}"] : [];

    private static string Line(string what, ParkedMessage message) => OneLine(
        $"{what}  {message.Id}  {message.EventType}  {message.JobId}  {message.ParkedAt?.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}  {message.Reason}");

    // What others chose must not be able to look like a line of ours.
    private static string OneLine(string text) => string.Concat(
        text.Take(MaxLineLength).Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? '\uFFFD' : character));
}
