using System.Net;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Every request, retries included: it waits for the budget, and both the time and the size of its whole answer are limited.
/// </summary>
internal sealed class BudgetedRequests(RequestBudget budget, ProcessorMetrics metrics, TimeProvider time) : DelegatingHandler
{
    /// <summary>The limit of Magic Hour's own CLI (<c>magic-hour/rest.md</c>); real projects have a few KiB.</summary>
    public const int MaxAnswerBytes = 4 * 1024 * 1024;

    /// <summary>Marks a request whose answer a caller waits for: it goes before the others.</summary>
    public static readonly HttpRequestOptionsKey<bool> Urgent = new("urgent");

    /// <summary>Generous for a request that reads one row. A hanging one occupies its slot for that long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var place = await budget.TakeAsync(request.Options.TryGetValue(Urgent, out var isUrgent) && isUrgent, cancellationToken);
        using var timeout = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var result = RequestResult.Failed;
        try
        {
            var response = await SendAndReadAsync(request, either.Token);
            result = Classify(response.StatusCode);
            return response;
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No answer within {Patience.TotalSeconds:0} s.", exception);
        }
        finally
        {
            metrics.ApiRequested(result);
        }
    }

    private async Task<HttpResponseMessage> SendAndReadAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxAnswerBytes, cancellationToken);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static RequestResult Classify(HttpStatusCode status) => status switch
    {
        HttpStatusCode.OK => RequestResult.Answered,
        HttpStatusCode.NotFound => RequestResult.NotFound,
        HttpStatusCode.TooManyRequests => RequestResult.Throttled,
        HttpStatusCode.Unauthorized or HttpStatusCode.PaymentRequired or HttpStatusCode.Forbidden => RequestResult.KeyRejected,
        HttpStatusCode.BadRequest => RequestResult.Refused,
        _ => RequestResult.Failed,
    };
}

/// <summary>The result of one request, for the metrics.</summary>
internal enum RequestResult
{
    /// <summary>200.</summary>
    Answered,

    /// <summary>404.</summary>
    NotFound,

    /// <summary>429.</summary>
    Throttled,

    /// <summary>401, 402 or 403.</summary>
    KeyRejected,

    /// <summary>400.</summary>
    Refused,

    /// <summary>Any other status, or no complete answer.</summary>
    Failed,
}

internal static class RequestResults
{
    /// <summary>The name in the metrics.</summary>
    public static string Name(this RequestResult result) => result switch
    {
        RequestResult.Answered => "answered",
        RequestResult.NotFound => "not_found",
        RequestResult.Throttled => "throttled",
        RequestResult.KeyRejected => "key_rejected",
        RequestResult.Refused => "refused",
        RequestResult.Failed => "failed",
        _ => throw new ArgumentOutOfRangeException(nameof(result), result, null),
    };
}
