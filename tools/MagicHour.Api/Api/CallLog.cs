using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Platform.Simulator.Api;

/// <summary>Records every call of <c>/v1</c>, every download and every followed redirect.</summary>
public sealed class CallLog
{
    private readonly Lock _lock = new();
    private readonly List<Call> _calls = [];
    private readonly TimeProvider _time;
    private DownloadCounts _downloads = new();
    private int _redirectsFollowed;

    internal CallLog(TimeProvider time) => _time = time;

    public CallReport Report()
    {
        lock (_lock)
        {
            return CallReport.Create(_calls, _downloads, _redirectsFollowed);
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _calls.Clear();
            _downloads = new DownloadCounts();
            _redirectsFollowed = 0;
        }
    }

    /// <summary>Records a call from its beginning on, so that one that hangs counts too.</summary>
    internal async Task RecordAsync(HttpContext http, RequestDelegate next)
    {
        var call = new Call(_time.GetUtcNow(), http.Request.Method, http.Request.Path, http.GetRouteValue("id") as string);
        lock (_lock)
        {
            _calls.Add(call);
        }

        await next(http);
        call.Status = http.RequestAborted.IsCancellationRequested ? null : http.Response.StatusCode;
        call.CreatedId = http.Items[typeof(SimulatedJob)] is SimulatedJob created ? created.Id : null;
    }

    internal void Count(Func<DownloadCounts, DownloadCounts> change)
    {
        lock (_lock)
        {
            _downloads = change(_downloads);
        }
    }

    internal void CountRedirect()
    {
        lock (_lock)
        {
            _redirectsFollowed++;
        }
    }

    /// <summary>One call.</summary>
    /// <param name="JobId">The id in its address, whether or not there is such a job.</param>
    internal sealed record Call(DateTimeOffset At, string Method, string Path, string? JobId)
    {
        /// <summary>Null until it is answered, and when it never was.</summary>
        public int? Status { get; set; }

        /// <summary>The job that it created.</summary>
        public string? CreatedId { get; set; }
    }
}
