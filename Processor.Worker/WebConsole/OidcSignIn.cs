using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>Sends browsers to the OpenID Connect provider, and starts or refuses a session when they return.</summary>
internal sealed partial class OidcSignIn(
    Session session, IOptions<OperationsOptions> options, IOptionsMonitor<OpenIdConnectOptions> handler, ILogger<OidcSignIn> logger)
{
    private const string Unavailable = "The sign-in provider is unavailable. Try again, or use a key.";

    // OpenID Connect allows a "sub" of this length, so that there is always a name.
    private const int MaxName = 255;

    private OidcOptions Oidc => options.Value.Oidc;

    /// <summary>Redirects to the provider, which returns to the page that was asked for.</summary>
    public Task OpenAsync(HttpContext http) => TryAsync(
        http, () => http.ChallengeAsync(OidcSetup.Scheme, new AuthenticationProperties { RedirectUri = Links.Local(http.Request.Query["to"]) }));

    /// <summary>Ends the session, and redirects to the provider's page for signing out.</summary>
    public Task SignOutAsync(HttpContext http) => TryAsync(http, async () =>
    {
        Session.End(http);
        var provider = await handler.Get(OidcSetup.Scheme).ConfigurationManager!.GetConfigurationAsync(http.RequestAborted);
        http.Response.Redirect(string.IsNullOrEmpty(provider.EndSessionEndpoint)
            ? Links.SignIn
            : QueryHelpers.AddQueryString(
                provider.EndSessionEndpoint,
                new Dictionary<string, string?> { ["client_id"] = Oidc.ClientId, ["post_logout_redirect_uri"] = PublicAddress(http.Request, Links.SignIn) }));
    });

    /// <summary>Called before the redirect to the provider.</summary>
    public Task RedirectAsync(RedirectContext context)
    {
        context.ProtocolMessage.RedirectUri = PublicAddress(context.Request, Links.SignInCallback);
        return Task.CompletedTask;
    }

    /// <summary>Called once the provider's answer has been verified.</summary>
    public async Task ReceiveAsync(TicketReceivedContext context)
    {
        context.HandleResponse();
        // The handler verifies that there are a person and a "sub".
        var person = context.Principal!;
        var name = Inert.Line(person.FindFirst(Oidc.NameClaim)?.Value ?? "");
        name = string.IsNullOrWhiteSpace(name) || name.Length > MaxName ? Inert.Line(person.FindFirst("sub")!.Value) : name;
        if (!session.TryStartForPerson(context.HttpContext, name, person.FindAll(Oidc.RightsClaim).Select(claim => claim.Value)))
        {
            LogWithoutRights(logger, Oidc.RightsClaim);
            await ConsoleGuard.ShowAsync(
                context.HttpContext, StatusCodes.Status403Forbidden, $"{name} has no rights here. They come with the claim {Oidc.RightsClaim} ({nameof(OperationsOptions.Oidc)} in the settings).");
            return;
        }

        // A redirect would still belong to the provider's site, and the browser would not send the new cookie with it.
        await new RazorComponentResult<SignedInPage>(new { To = Links.Local(context.ReturnUri) }).ExecuteAsync(context.HttpContext);
    }

    /// <summary>Called when the provider refuses, its answer is not valid, or it is unreachable.</summary>
    public Task FailAsync(RemoteFailureContext context)
    {
        context.HandleResponse();
        if (IsOutage(context.Failure) && !context.HttpContext.RequestAborted.IsCancellationRequested)
        {
            LogUnavailable(logger, context.Failure);
            return ShowAsync(context.HttpContext, Unavailable, StatusCodes.Status503ServiceUnavailable);
        }

        // Anyone can send a forged answer, so neither its text nor a stack trace is logged.
        LogRefused(logger, context.Failure?.GetType().Name);
        return ShowAsync(context.HttpContext, "The sign-in was refused, or took too long. Try again.", StatusCodes.Status401Unauthorized);
    }

    private string PublicAddress(HttpRequest request, string path) =>
        $"{new Uri(Oidc.PublicUrl ?? new Uri($"{request.Scheme}://{request.Host}"), path)}";

    private async Task TryAsync(HttpContext http, Func<Task> redirect)
    {
        try
        {
            await redirect();
        }
        catch (InvalidOperationException exception) when (!http.Response.HasStarted)
        {
            // Its configuration could not be read.
            LogUnavailable(logger, exception);
            await ShowAsync(http, Unavailable, StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static Task ShowAsync(HttpContext http, string problem, int status) =>
        new RazorComponentResult<SignInPage>(new { Problem = problem }) { StatusCode = status }.ExecuteAsync(http);

    private static bool IsOutage(Exception? exception) =>
        exception is HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError } or TaskCanceledException or IOException
        || exception?.InnerException is { } inner && IsOutage(inner);

    [LoggerMessage(LogLevel.Warning, "The OpenID Connect provider is unavailable")]
    private static partial void LogUnavailable(ILogger logger, Exception? exception);

    [LoggerMessage(LogLevel.Information, "A sign-in with OpenID Connect was refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string? reason);

    [LoggerMessage(LogLevel.Information, "A person was not signed in: no value of the claim {Claim} grants rights")]
    private static partial void LogWithoutRights(ILogger logger, string claim);
}
