using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>Admits requests of a session with the right of their page, and forms that come from this console.</summary>
internal sealed class ConsoleGuard(Session session, KeyGuard keyGuard, IAntiforgery antiforgery)
{
    public async Task CheckAsync(HttpContext http, RequestDelegate next)
    {
        if (HttpMethods.IsPost(http.Request.Method) && !await antiforgery.IsRequestValidAsync(http))
        {
            await ShowAsync(http, StatusCodes.Status400BadRequest, "This form is no longer valid. Go back, reload the page, and send it again.");
            return;
        }

        if (http.GetEndpoint()?.Metadata.GetMetadata<WithoutSession>() is not null)
        {
            await next(http);
            return;
        }

        if (session.Find(http) is not { } caller)
        {
            http.Response.Redirect(
                HttpMethods.IsGet(http.Request.Method) ? Links.To("sign-in", ("to", $"{http.Request.Path}{http.Request.QueryString}")) : Links.SignIn);
            return;
        }

        if (await keyGuard.FindMissingAsync(http, caller) is { } missing)
        {
            await ShowAsync(http, StatusCodes.Status403Forbidden, $"You do not have the right {missing.Name()}.");
            return;
        }

        await next(http);
        if (http.Response is { StatusCode: >= StatusCodes.Status400BadRequest, HasStarted: false, ContentType: null })
        {
            await ShowAsync(http, http.Response.StatusCode, "There is no such page.");
        }
    }

    public static Task ShowAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        return new RazorComponentResult<MessagePage>(new { Text = text }) { StatusCode = status }.ExecuteAsync(http);
    }
}

/// <summary>Marks an endpoint that needs no session.</summary>
internal sealed class WithoutSession;
