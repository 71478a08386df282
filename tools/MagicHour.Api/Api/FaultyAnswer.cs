using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Platform.Simulator.Api;

/// <summary>Answers a call with a fault instead of with what it asked for.</summary>
internal sealed class FaultyAnswer(Func<ApiSwitches> switches)
{
    /// <summary>Where redirects lead.</summary>
    public const string RedirectTarget = "/elsewhere";

    /// <summary>Answers the call, unless the fault only concerns the body of the answer.</summary>
    public async Task<bool> TryAnswerAsync(HttpContext http, FaultRule fault, CancellationToken stopping)
    {
        if (fault.Kind is FaultKind.Hang)
        {
            await HangAsync(http, stopping);
            return true;
        }

        if (fault.Kind is FaultKind.Redirect)
        {
            http.Response.Redirect(RedirectTarget);
            return true;
        }

        if (FindStatus(fault.Kind) is not { } status)
        {
            return false;
        }

        if (fault.RetryAfter is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        await ErrorAnswer.Create(status, switches().Errors).ExecuteAsync(http);
        return true;
    }

    private static int? FindStatus(FaultKind kind) => kind switch
    {
        FaultKind.PaymentRequired => 402,
        FaultKind.Forbidden => 403,
        FaultKind.TooManyRequests => 429,
        FaultKind.InternalServerError => 500,
        FaultKind.BadGateway => 502,
        FaultKind.ServiceUnavailable => 503,
        _ => null,
    };

    private static async Task HangAsync(HttpContext http, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Abort();
    }
}
