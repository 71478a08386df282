using System.Security.Cryptography;
using System.Text;
using Processor.Worker.Jobs;

namespace Processor.Worker.Archive;

/// <summary>
/// Names the files of a job by the paths of their URLs: the signature in the query changes with each refresh, as <see cref="Download"/> assumes too.
/// Files that share a path are numbered.
/// </summary>
internal static class FileIds
{
    private const int Length = 32;
    private const int LongestExtension = 5;

    /// <summary>The ids, in the order of the files.</summary>
    public static IReadOnlyList<string> Create(IReadOnlyList<VisibleDownload> downloads)
    {
        var seen = new Dictionary<string, int>();
        return [.. downloads.Select(download =>
        {
            var path = PathOf(download.Url);
            seen[path] = seen.GetValueOrDefault(path) + 1;
            return Hash($"{path}#{seen[path]}")[..Length];
        })];
    }

    /// <summary>The object's key: a folder for each job. Parts that could confuse a store or a person are hashed.</summary>
    public static string ToKey(string prefix, string jobId, string fileId, string url)
    {
        var extension = Path.GetExtension(PathOf(url));
        var isPlain = extension.Length is > 1 and <= LongestExtension && extension[1..].All(char.IsAsciiLetterOrDigit);
        var folder = jobId.Length <= 100 && jobId.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_') ? jobId : Hash(jobId);
        return $"{prefix}{folder}/{fileId}{(isPlain ? extension.ToLowerInvariant() : "")}";
    }

    private static string PathOf(string url) => url.IndexOf('?', StringComparison.Ordinal) is var query and >= 0 ? url[..query] : url;

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
