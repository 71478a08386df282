using System.Globalization;
using Platform.ServiceDefaults.Logging;

namespace Processor.Worker.Rebuild;

/// <summary>The output of a run: a line for each job that differs, the progress, and a summary. It names columns and shows no content.</summary>
internal sealed class RebuildReport(RebuildRequest request, TextWriter output, TimeProvider time)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Finding, long> _counts = [];
    private readonly long _started = time.GetTimestamp();
    private TimeSpan _lastProgress;

    /// <summary>A check found no difference; or everything was written, and the requested job exists.</summary>
    public bool IsClean => (!request.IsCheck || Different == 0) && Count(Finding.Busy) == 0 && (request.JobId is null || Count(Finding.Unknown) == 0);

    private long Different => Count(Finding.Different) + Count(Finding.Missing);

    private TimeSpan Elapsed => time.GetElapsedTime(_started);

    public void Show(Comparison comparison)
    {
        _counts[comparison.Finding] = Count(comparison.Finding) + 1;
        // The sender chose the id: it must not imitate other lines.
        var jobId = ShownText.OneLine(comparison.JobId);
        var line = comparison.Finding switch
        {
            Finding.Different => $"{(request.IsCheck ? "differs" : "rebuilt")}  {jobId}  {string.Join(", ", comparison.Columns)}",
            Finding.Missing => $"{(request.IsCheck ? "missing" : "created")}  {jobId}",
            Finding.Busy => $"left     {jobId}  its lock is taken",
            Finding.Unreadable => $"kept     {jobId}  a newer version wrote it",
            Finding.Unknown when request.JobId is not null => $"there is no job {jobId}",
            _ => null,
        };
        if (line is not null)
        {
            output.WriteLine(line);
        }

        if (Elapsed - _lastProgress >= ProgressInterval)
        {
            _lastProgress = Elapsed;
            output.WriteLine($"... {Summary}");
        }
    }

    /// <summary>Writes the summary, also of a run that failed.</summary>
    public void Summarize() => output.WriteLine(Summary);

    private string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"compared {_counts.Values.Sum():N0} jobs in {Elapsed.TotalSeconds:0.0} s: {Different:N0} {(request.IsCheck ? "differ" : "rebuilt")}, "
        + $"{Count(Finding.Expired):N0} kept because their events have expired, {Count(Finding.Unreadable):N0} unreadable, {Count(Finding.Busy):N0} left");

    private long Count(Finding finding) => _counts.GetValueOrDefault(finding);
}
