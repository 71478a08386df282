using System.Net;
using Processor.Worker.Audit;

namespace Processor.Worker.Operations;

/// <summary>
/// Admits requests with a key that has the right of their route. Runs after routing and before the body is read, so that unauthenticated clients
/// learn nothing from validation errors.
/// </summary>
internal sealed class KeyGuard(ApiKeys keys, KeyFailures failures, AuditTrail audit)
{
    public async Task CheckAsync(HttpContext http, RequestDelegate next)
    {
        if (keys.Identify(http.Request) is not { } caller)
        {
            RejectKey(http);
            return;
        }

        if (await FindMissingAsync(http, caller) is { } missing)
        {
            await MissingRight.Problem(missing).ExecuteAsync(http);
            return;
        }

        await next(http);
    }

    /// <summary>Makes the caller known to the request's endpoint. A rejected attempt at an act is recorded.</summary>
    /// <returns>The right that the endpoint needs and the caller lacks; null when the caller may proceed.</returns>
    public async Task<Rights?> FindMissingAsync(HttpContext http, Caller caller)
    {
        http.Features.Set(caller);
        if (http.GetEndpoint()?.Metadata.GetMetadata<RequiredRight>() is not { } required || caller.May(required.Right))
        {
            return null;
        }

        if (required.Action is { } action)
        {
            await audit.RecordAsync(AuditDraft.Rejected(caller.Name, action, http.Request.Path), http.RequestAborted);
        }

        return required.Right;
    }

    private void RejectKey(HttpContext http)
    {
        // Checked after the key: a valid key is always accepted, whatever other clients at the same address have tried.
        if (failures.IsOverLimit(http.Connection.RemoteIpAddress ?? IPAddress.None))
        {
            http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            http.Response.Headers.RetryAfter = $"{KeyFailures.Window.TotalSeconds:0}";
            return;
        }

        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        http.Response.Headers.WWWAuthenticate = "Bearer";
    }
}

/// <summary>The right that a route needs.</summary>
/// <param name="Action">One of <see cref="AuditActions"/>; null where rejected attempts are not recorded.</param>
internal sealed record RequiredRight(Rights Right, string? Action);

internal static class MissingRight
{
    public static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Problem(Rights right) =>
        TypedResults.Problem($"The key does not have the right {right.Name()}.", statusCode: StatusCodes.Status403Forbidden);

    /// <summary>The route needs a key with this right.</summary>
    /// <param name="action">The act under which rejected attempts are recorded; null to record none.</param>
    public static TBuilder Require<TBuilder>(this TBuilder endpoint, Rights right, string? action = null)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new RequiredRight(right, action), new ProducesResponseTypeMetadata(StatusCodes.Status403Forbidden, typeof(Microsoft.AspNetCore.Mvc.ProblemDetails), ["application/problem+json"]));
}
