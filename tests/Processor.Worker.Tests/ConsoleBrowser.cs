using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;

namespace Processor.Worker.Tests;

/// <summary>A browser without JavaScript: it keeps cookies, follows redirects, and sends a form with its hidden fields.</summary>
internal sealed partial class ConsoleBrowser : IDisposable
{
    public const string Policy =
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>The only script, which <see cref="Page"/> is shown without.</summary>
    private const string Script = """<script src="/console/console.js" defer></script>""";

    private readonly HttpClient _http;

    public ConsoleBrowser(WebApplication app) =>
        _http = new HttpClient(new HttpClientHandler { CookieContainer = Cookies }) { BaseAddress = new Uri(app.Urls.First()) };

    /// <summary>May be given to the browser of another replica.</summary>
    public CookieContainer Cookies { get; init; } = new();

    /// <summary>The path and query of the last page, after redirects.</summary>
    public string Address { get; private set; } = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<ConsoleBrowser> SignInAsync(WebApplication app, string key = OperationsApp.Key)
    {
        var browser = new ConsoleBrowser(app);
        await browser.OpenAsync("/console/sign-in");
        await browser.SubmitAsync("/console/sign-in", ("key", key));
        Assert.Equal("/console", browser.Address);
        return browser;
    }

    public string Page { get; private set; } = "";

    public async Task<string> OpenAsync(string address, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var answer = await _http.GetAsync(new Uri(address, UriKind.Relative), Cancel);
        return await ReadAsync(answer, status);
    }

    /// <summary>Sends the form of the current page that has this action.</summary>
    public Task<string> SubmitAsync(string action, params (string Name, string Value)[] fields) => SubmitAsync(HttpStatusCode.OK, action, fields);

    public Task<string> SubmitAsync(HttpStatusCode status, string action, params (string Name, string Value)[] fields)
    {
        var form = Form().Matches(Page).Select(one => (Action: WebUtility.HtmlDecode(one.Groups["action"].Value), Content: one.Groups["content"].Value))
            .Single(one => one.Action == action);
        var hidden = Hidden().Matches(form.Content).Select(one => (one.Groups["name"].Value, WebUtility.HtmlDecode(one.Groups["value"].Value)));
        return PostAsync(status, action, [.. hidden, .. fields]);
    }

    /// <summary>Sends what a page of the console offers no form for, with the token of another form of the current page.</summary>
    public Task<string> ForgeAsync(HttpStatusCode status, string action, params (string Name, string Value)[] fields)
    {
        var token = Hidden().Matches(Page).First(one => one.Groups["name"].Value == "__RequestVerificationToken").Groups["value"].Value;
        return PostAsync(status, action, [("__RequestVerificationToken", WebUtility.HtmlDecode(token)), .. fields]);
    }

    public async Task<string> PostAsync(HttpStatusCode status, string action, params (string Name, string Value)[] fields)
    {
        using var content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        using var answer = await _http.PostAsync(new Uri(action, UriKind.Relative), content, Cancel);
        return await ReadAsync(answer, status);
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> ReadAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        Page = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.Single(Page.Split(Script).Skip(1));
        Page = Page.Replace(Script, "", StringComparison.Ordinal);
        Address = answer.RequestMessage!.RequestUri!.PathAndQuery;
        Assert.True(status == answer.StatusCode, $"{Address}: {(int)answer.StatusCode}\n{Page}");
        Assert.Equal("text/html; charset=utf-8", $"{answer.Content.Headers.ContentType}");
        Assert.Equal(Policy, Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-referrer", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
        Assert.Equal("no-store", $"{answer.Headers.CacheControl}");
        // Nothing for which the policy would need an exception.
        Assert.DoesNotMatch("(?i)<(script|style)|<[^>]*\\s(style|on[a-z]+)=", Regex.Replace(Page, "=\"[^\"]*\"", "="));
        return Page;
    }

    [GeneratedRegex("""<form[^>]*method="post" action="(?<action>[^"]*)"[^>]*>(?<content>.*?)</form>""", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("""<input type="hidden" name="(?<name>[^"]*)" value="(?<value>[^"]*)" ?/?>""")]
    private static partial Regex Hidden();
}
