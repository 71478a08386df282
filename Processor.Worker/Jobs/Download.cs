using System.Text.Json.Serialization;
using Platform.Contracts;

namespace Processor.Worker.Jobs;

/// <summary>One file that a completed job offers.</summary>
/// <param name="Url">Signed: a credential.</param>
/// <param name="ExpiresAt">The sender's text. Null when the sender gave none.</param>
/// <param name="SeenAt">When the earliest body that offers it was received.</param>
/// <param name="Position">Its index in that body's list.</param>
internal sealed record Download(string Url, string? ExpiresAt, DateTimeOffset SeenAt, int Position)
{
    /// <summary>The body offers several files under one path, so the query string identifies the file as well.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool NeedsQuery { get; init; }

    [JsonIgnore]
    public DateTimeOffset? Expiry => DownloadExpiry.Read(ExpiresAt);

    private ReadOnlySpan<char> Path => Url.IndexOf('?', StringComparison.Ordinal) is var query and >= 0 ? Url.AsSpan(0, query) : Url;

    // A newly signed URL denotes the same file, provided that paths alone distinguish the files of its body.
    private ReadOnlySpan<char> File => NeedsQuery ? Url : Path;

    public JobDownload ToContract() => new(Url, Expiry);

    /// <summary>The files of one body, one for each URL.</summary>
    public static IReadOnlyList<Download> FromBody(IReadOnlyList<Download> downloads)
    {
        if (downloads.Count < 2)
        {
            return downloads;
        }

        var urlsByPath = CountUrlsByPath(downloads).GetAlternateLookup<ReadOnlySpan<char>>();
        var files = new Download[downloads.Count];
        for (var i = 0; i < files.Length; i++)
        {
            files[i] = downloads[i] with { NeedsQuery = urlsByPath[downloads[i].Path] > 1 };
        }

        return Union(files, []);
    }

    /// <summary>The files of both lists, each with the URL that is valid longer; ordered by the earliest body, then by its list.</summary>
    public static IReadOnlyList<Download> Union(IReadOnlyList<Download> some, IReadOnlyList<Download> others) =>
        others.Count == 0 ? Merge(some, SameFile.Instance) : Merge([.. some, .. others], SameFile.Instance);

    /// <summary>
    /// Removes duplicates that remain when paths distinguish the files in one body but not in another. Not a part of
    /// <see cref="Union"/>: a later merge may need the entries dropped here.
    /// </summary>
    public static IReadOnlyList<Download> ByUrl(IReadOnlyList<Download> offers) => Merge(offers, SameUrl.Instance);

    private static IReadOnlyList<Download> Merge(IReadOnlyList<Download> downloads, IEqualityComparer<Download> same)
    {
        // Most jobs have one file.
        if (downloads.Count < 2)
        {
            return downloads;
        }

        var merged = new Dictionary<Download, Download>(downloads.Count, same);
        foreach (var download in downloads)
        {
            merged[download] = merged.TryGetValue(download, out var known) ? LongerValid(known, download) : download;
        }

        Download[] ordered = [.. merged.Values];
        Array.Sort(ordered, InOrder);
        return ordered;
    }

    private static Dictionary<string, int> CountUrlsByPath(IReadOnlyList<Download> downloads)
    {
        var counts = new Dictionary<string, int>();
        var byPath = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        var urls = new HashSet<string>();
        foreach (var download in downloads)
        {
            if (urls.Add(download.Url))
            {
                byPath[download.Path] = byPath.TryGetValue(download.Path, out var count) ? count + 1 : 1;
            }
        }

        return counts;
    }

    // A total order: no two merged files are equal in all of it.
    private static int InOrder(Download one, Download other)
    {
        var order = (one.SeenAt, one.Position).CompareTo((other.SeenAt, other.Position));
        order = order != 0 ? order : string.CompareOrdinal(one.Url, other.Url);
        return order != 0 ? order : one.NeedsQuery.CompareTo(other.NeedsQuery);
    }

    private static Download LongerValid(Download one, Download other)
    {
        // Compares the written times: "never", in year 9999, counts as the longest.
        var byExpiry = Nullable.Compare(JobPayload.ReadTime(one.ExpiresAt), JobPayload.ReadTime(other.ExpiresAt));
        var byUrl = byExpiry != 0 ? byExpiry : string.CompareOrdinal(one.Url, other.Url);
        var byText = byUrl != 0 ? byUrl : string.CompareOrdinal(one.ExpiresAt, other.ExpiresAt);
        var first = (one.SeenAt, one.Position).CompareTo((other.SeenAt, other.Position)) <= 0 ? one : other;
        return (byText >= 0 ? one : other) with { SeenAt = first.SeenAt, Position = first.Position };
    }

    private sealed class SameFile : IEqualityComparer<Download>
    {
        public static readonly SameFile Instance = new();

        public bool Equals(Download? one, Download? other) =>
            one is not null && other is not null && one.NeedsQuery == other.NeedsQuery && one.File.SequenceEqual(other.File);

        public int GetHashCode(Download download) => string.GetHashCode(download.File);
    }

    private sealed class SameUrl : IEqualityComparer<Download>
    {
        public static readonly SameUrl Instance = new();

        public bool Equals(Download? one, Download? other) => one?.Url == other?.Url;

        public int GetHashCode(Download download) => download.Url.GetHashCode(StringComparison.Ordinal);
    }
}
