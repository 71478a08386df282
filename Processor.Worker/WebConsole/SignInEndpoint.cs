using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary><c>/console/sign-in</c> and <c>/console/sign-out</c>.</summary>
internal sealed class SignInEndpoint(Session session, KeyFailures failures, IOptions<OperationsOptions> options, IHostEnvironment environment)
{
    private int _isTokenUsed;

    /// <summary>The page to sign in; with the token of a local platform's link, which is valid once, the overview.</summary>
    public IResult Open(HttpContext http)
    {
        if (http.Request.Query["token"] is not [{ Length: > 0 } token])
        {
            return new RazorComponentResult<SignInPage>();
        }

        if (!IsToken(token) || Interlocked.Exchange(ref _isTokenUsed, 1) == 1)
        {
            return Show("This link has been used. Enter a key, or start the platform again.", StatusCodes.Status401Unauthorized);
        }

        var key = options.Value.ApiKeys.FirstOrDefault() ?? options.Value.Keys[0].Key;
        return session.TryStartWithKey(http, key) ? TypedResults.LocalRedirect(Links.Root) : throw new InvalidOperationException("The key is not configured.");
    }

    public IResult SignIn(HttpContext http)
    {
        var form = http.Request.Form;
        if (session.TryStartWithKey(http, form["key"].ToString().Trim()))
        {
            return TypedResults.LocalRedirect(Links.Local(form["to"]));
        }

        // Checked after the key, as in the API: a valid key is always accepted.
        if (!failures.IsOverLimit(http.Connection.RemoteIpAddress ?? IPAddress.None))
        {
            return Show("No such key is configured.", StatusCodes.Status401Unauthorized);
        }

        http.Response.Headers.RetryAfter = $"{KeyFailures.Window.TotalSeconds:0}";
        return Show($"Too many wrong keys. Wait {KeyFailures.Window.TotalSeconds:0} seconds.", StatusCodes.Status429TooManyRequests);
    }

    public IResult SignOut(HttpContext http)
    {
        var isOfPerson = session.IsOfPerson(http);
        Session.End(http);
        return isOfPerson ? new RazorComponentResult<SignedOutPage>() : TypedResults.LocalRedirect(Links.SignIn);
    }

    private bool IsToken(string token) => environment.IsDevelopment() && options.Value.SignInToken is { } expected
        && CryptographicOperations.FixedTimeEquals(ApiKeys.Hash(token), ApiKeys.Hash(expected));

    private static RazorComponentResult<SignInPage> Show(string problem, int status) => new(new { Problem = problem }) { StatusCode = status };
}
