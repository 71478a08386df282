using System.Globalization;

namespace Platform.Simulator.Api;

/// <summary>The calls so far.</summary>
/// <param name="ByMethod">Number of calls.</param>
/// <param name="ByStatus">Number of calls; <c>none</c> stands for calls without an answer.</param>
/// <param name="MostInOneSecond">The largest number of calls in any second, wherever it begins.</param>
/// <param name="BySecond">Number of calls by second, then by method.</param>
/// <param name="ByJob">Number of calls by the id in the address, then by method.</param>
/// <param name="Creates">Every call that created a job.</param>
/// <param name="RedirectsFollowed">Calls of the address that redirects lead to.</param>
public sealed record CallReport(
    int Total,
    IReadOnlyDictionary<string, int> ByMethod,
    IReadOnlyDictionary<string, int> ByStatus,
    IReadOnlyDictionary<string, int> MostInOneSecond,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> BySecond,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> ByJob,
    IReadOnlyList<CreateCall> Creates,
    DownloadCounts Downloads,
    int RedirectsFollowed)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    internal static CallReport Create(IReadOnlyCollection<CallLog.Call> calls, DownloadCounts downloads, int redirectsFollowed) => new(
        calls.Count,
        CountByMethod(calls),
        calls.CountBy(call => call.Status?.ToString(CultureInfo.InvariantCulture) ?? "none").ToDictionary(),
        calls.GroupBy(call => call.Method).ToDictionary(group => group.Key, group => FindMost([.. group.Select(call => call.At)])),
        Group(calls, call => call.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)),
        Group(calls.Where(call => call.JobId is not null), call => call.JobId!),
        [.. calls.Where(call => call.CreatedId is not null).Select(call => new CreateCall(call.At, call.Path.Split('/')[^1], call.CreatedId!))],
        downloads,
        redirectsFollowed);

    private static Dictionary<string, int> CountByMethod(IEnumerable<CallLog.Call> calls) => calls.CountBy(call => call.Method).ToDictionary();

    private static Dictionary<string, IReadOnlyDictionary<string, int>> Group(IEnumerable<CallLog.Call> calls, Func<CallLog.Call, string> key) =>
        calls.GroupBy(key).ToDictionary(group => group.Key, IReadOnlyDictionary<string, int> (group) => CountByMethod(group));

    private static int FindMost(DateTimeOffset[] moments)
    {
        Array.Sort(moments);
        var most = 0;
        for (int first = 0, last = 0; last < moments.Length; last++)
        {
            while (moments[last] - moments[first] >= Second)
            {
                first++;
            }

            most = Math.Max(most, last - first + 1);
        }

        return most;
    }
}

/// <summary>A call that created a job.</summary>
/// <param name="Tool">The last segment of its address.</param>
public sealed record CreateCall(DateTimeOffset At, string Tool, string Id);

/// <summary>Requests of downloads.</summary>
/// <param name="Served">Answered 200 or 206.</param>
/// <param name="Refused">Answered 403: expired, or not an address that was issued.</param>
/// <param name="WithKey">Answered 400, because they contained the API's key, which a download host must never get.</param>
public sealed record DownloadCounts(int Served = 0, int Refused = 0, int WithKey = 0);
