using Microsoft.AspNetCore.Http;

namespace Platform.Simulator.Api;

/// <summary>An error in one of Magic Hour's two shapes.</summary>
internal static class ErrorAnswer
{
    public static IResult Create(int status, ErrorShape shape) => Create(status, Describe(status).Message, shape);

    /// <param name="message">Instead of the usual one for the status.</param>
    public static IResult Create(int status, string message, ErrorShape shape) => shape is ErrorShape.MessageOnly
        ? Results.Json(new { message }, statusCode: status)
        : Results.Json(new { code = Describe(status).Code, message }, statusCode: status);

    // No specification lists 403, 429, 502 and 503; their codes are invented.
    private static (string Code, string Message) Describe(int status) => status switch
    {
        400 => ("invalid_request", "Invalid Request"),
        401 => ("unauthorized", "Unauthorized"),
        402 => ("insufficient_credits", "Payment required"),
        403 => ("forbidden", "Forbidden"),
        404 => ("not_found", "Not Found"),
        429 => ("too_many_requests", "Too Many Requests"),
        500 => ("internal_server_error", "Internal Server Error"),
        502 => ("bad_gateway", "Bad Gateway"),
        503 => ("service_unavailable", "Service Unavailable"),
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "No such error."),
    };
}
