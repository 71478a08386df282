using System.Net.Http.Headers;

namespace Processor.Worker.Reconciliation;

/// <summary>Reads projects from Magic Hour's REST API. GET only: other calls cost credits or delete.</summary>
internal sealed class MagicHourApi(HttpClient http, TimeProvider time)
{
    /// <summary>The kinds of projects; each has its own path.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["video", "image", "audio"];

    // An error in a header must not stop all checks for days.
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    /// <summary>Whether an id can be a segment of a path. The rule of Magic Hour's CLI (<c>magic-hour/rest.md</c>).</summary>
    public static bool IsId(string jobId) => jobId is not ("" or "." or "..") && jobId.AsSpan().IndexOfAny(@"/\?#") < 0;

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="jobId">Valid by <see cref="IsId"/>.</param>
    /// <param name="isUrgent">Someone waits for the answer.</param>
    public async Task<ProjectAnswer> GetAsync(string kind, string jobId, string key, bool isUrgent, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/{kind}-projects/{Uri.EscapeDataString(jobId)}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        request.Options.Set(BudgetedRequests.Urgent, isUrgent);
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            return new ProjectAnswer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellationToken))
            {
                RetryAfter = ReadRetryAfter(response.Headers.RetryAfter),
            };
        }
        catch (Exception exception) when (exception is HttpRequestException or TimeoutException or IOException)
        {
            return ProjectAnswer.None;
        }
    }

    private TimeSpan? ReadRetryAfter(RetryConditionHeaderValue? header) => header switch
    {
        { Delta: { } delta } => Shorter(delta, LongestRetryAfter),
        { Date: { } date } => Shorter(date - time.GetUtcNow(), LongestRetryAfter),
        _ => null,
    };

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}

/// <summary>An answer of the API.</summary>
/// <param name="Status">0 when there was none, or only a part of one.</param>
internal sealed record ProjectAnswer(int Status, ReadOnlyMemory<byte> Body)
{
    public static ProjectAnswer None { get; } = new(0, default);

    /// <summary>How long the API asks to wait, at most an hour. Null when it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
