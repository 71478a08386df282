using Microsoft.AspNetCore.Http.HttpResults;

namespace Ingress.Api.Webhooks;

/// <summary>The responses for webhooks that are not accepted. The sender retries every non-2xx response for 24 hours.</summary>
internal static class Problems
{
    private const int MinRetrySeconds = 5;
    private const int MaxRetrySeconds = 30;

    public static ProblemHttpResult NotAnEvent => TypedResults.Problem(
        "The body is not a JSON object with a string 'type'.", statusCode: StatusCodes.Status400BadRequest);

    /// <summary>Identical for every cause: the response must not reveal which part was wrong.</summary>
    public static ProblemHttpResult NotAuthentic => TypedResults.Problem(
        "The signature is missing, wrong or too old.", statusCode: StatusCodes.Status401Unauthorized);

    public static ProblemHttpResult TooLarge => TypedResults.Problem(
        "The body is longer than is accepted.", statusCode: StatusCodes.Status413PayloadTooLarge);

    public static ProblemHttpResult NotJson => TypedResults.Problem(
        "The content type must be application/json, without a content encoding.", statusCode: StatusCodes.Status415UnsupportedMediaType);

    public static ProblemHttpResult TooManyFailures(HttpContext http)
    {
        RetryLater(http);
        return TypedResults.Problem("Too many wrong signatures from this address.", statusCode: StatusCodes.Status429TooManyRequests);
    }

    public static ProblemHttpResult Unavailable(HttpContext http)
    {
        RetryLater(http);
        return TypedResults.Problem("The event cannot be stored now.", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    // Random, so that requests refused together do not return together.
    private static void RetryLater(HttpContext http) =>
        http.Response.Headers.RetryAfter = $"{Random.Shared.Next(MinRetrySeconds, MaxRetrySeconds + 1)}";
}
