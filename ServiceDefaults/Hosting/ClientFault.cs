using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Platform.ServiceDefaults.Hosting;

/// <summary>
/// Failures of a request that are its client's: it cannot be read, or its connection has ended. Anyone can cause them, so they are no errors of the server
/// and are not logged as such.
/// </summary>
public static class ClientFault
{
    /// <summary>The status of the response, in case someone still reads it; null for any other failure.</summary>
    /// <remarks>
    /// ASP.NET Core recognizes an ended connection by the request's cancellation, which the server requests a moment later. What reads a body wraps the
    /// exception: the server in a canceled task, antiforgery in its own.
    /// </remarks>
    public static int? FindStatus(Exception? exception) => exception switch
    {
        null => null,
        BadHttpRequestException bad => bad.StatusCode,
        ConnectionAbortedException or ConnectionResetException => StatusCodes.Status499ClientClosedRequest,
        _ => FindStatus(exception.InnerException),
    };

    /// <summary>For <see cref="ExceptionHandlerOptions.SuppressDiagnosticsCallback"/>.</summary>
    public static bool IsCause(ExceptionHandlerSuppressDiagnosticsContext context) => FindStatus(context.Exception) is not null;
}
