namespace Processor.Worker.Jobs;

/// <summary>The first files of a job, within <see cref="JobLimits"/>.</summary>
internal sealed class LimitedDownloads
{
    private readonly List<Download> _kept = [];
    private int _characters;

    public IReadOnlyList<Download> Kept => _kept;

    /// <summary>A file was dropped.</summary>
    public bool IsCut { get; private set; }

    /// <summary>No further file is kept.</summary>
    public bool IsFull { get; private set; }

    public static LimitedDownloads From(IReadOnlyList<Download> downloads)
    {
        var limited = new LimitedDownloads();
        for (var i = 0; i < downloads.Count && !limited.IsFull; i++)
        {
            limited.Add(downloads[i]);
        }

        return limited;
    }

    public void Add(Download download)
    {
        if (download.Url.Length > JobLimits.Url)
        {
            IsCut = true;
            return;
        }

        _characters += download.Url.Length;
        IsFull = IsFull || _kept.Count == JobLimits.Downloads || _characters > JobLimits.AllUrls;
        if (IsFull)
        {
            IsCut = true;
        }
        else
        {
            _kept.Add(download);
        }
    }
}
