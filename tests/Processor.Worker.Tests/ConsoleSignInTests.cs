using System.Net;
using Microsoft.Extensions.Time.Testing;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Sessions of the console.</summary>
public sealed class ConsoleSignInTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_opens_the_page_that_was_asked_for_and_signing_out_closes_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = new ConsoleBrowser(app);

        await browser.OpenAsync("/console/events?type=a%20b");
        Assert.Equal("/console/sign-in?to=%2Fconsole%2Fevents%3Ftype%3Da%2520b", browser.Address);
        var signedIn = await browser.SubmitAsync("/console/sign-in", ("key", $" {Key}\n"));
        Assert.Equal("/console/events?type=a%20b", browser.Address);
        await browser.SubmitAsync("/console/sign-out");
        await browser.OpenAsync("/console/jobs");

        Assert.Contains("<h1>Events</h1>", signedIn, StringComparison.Ordinal);
        Assert.StartsWith("/console/sign-in", browser.Address, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_key_opens_nothing_and_guessing_is_throttled_while_the_right_one_is_accepted()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key], new FakeTimeProvider(DateTimeOffset.UtcNow));
        using var browser = new ConsoleBrowser(app);
        await browser.OpenAsync("/console/sign-in");

        for (var i = 0; i < 10; i++)
        {
            await browser.SubmitAsync(HttpStatusCode.Unauthorized, "/console/sign-in", ("key", OtherKey));
        }

        var throttled = await browser.SubmitAsync(HttpStatusCode.TooManyRequests, "/console/sign-in", ("key", OtherKey));
        await browser.SubmitAsync("/console/sign-in", ("key", Key));

        Assert.Contains("Too many wrong keys", throttled, StringComparison.Ordinal);
        Assert.Equal("/console", browser.Address);
    }

    [Theory]
    [InlineData("https://attacker.example/")]
    [InlineData("//attacker.example/")]
    [InlineData("/console/../metrics\\")]
    [InlineData("/consoles")]
    [InlineData("/ops/events")]
    public async Task A_sign_in_leads_nowhere_but_to_the_console(string to)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = new ConsoleBrowser(app);

        await browser.OpenAsync($"/console/sign-in?to={Uri.EscapeDataString(to)}");
        await browser.SubmitAsync("/console/sign-in", ("key", Key));

        Assert.Equal("/console", browser.Address);
    }

    [Fact]
    public async Task A_session_is_valid_at_every_replica_and_ends_when_its_key_is_removed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await using var replica = await StartInAsync("Development", database.ConnectionString, [Key, NextKey]);
        await using var without = await StartInAsync("Development", database.ConnectionString, [NextKey]);
        using var browser = await ConsoleBrowser.SignInAsync(app);
        using var other = new ConsoleBrowser(replica) { };
        using var signedOut = new ConsoleBrowser(without);
        Copy(browser, other);
        Copy(browser, signedOut);

        await other.OpenAsync("/console/jobs");
        await signedOut.OpenAsync("/console/jobs");

        Assert.Equal("/console/jobs", other.Address);
        Assert.StartsWith("/console/sign-in", signedOut.Address, StringComparison.Ordinal);
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from data_protection_keys"));
    }

    [Fact]
    public async Task A_session_ends_after_eight_hours()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key], time);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        time.Advance(TimeSpan.FromHours(8) - TimeSpan.FromSeconds(1));
        await browser.OpenAsync("/console/jobs");
        Assert.Equal("/console/jobs", browser.Address);
        time.Advance(TimeSpan.FromSeconds(1));
        await browser.OpenAsync("/console/jobs");

        Assert.StartsWith("/console/sign-in", browser.Address, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("forged")]
    [InlineData("%20")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task A_forged_session_is_none(string cookie)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = new ConsoleBrowser(app);
        browser.Cookies.Add(new Uri(app.Urls.First()), new Cookie("console", cookie, "/console"));

        await browser.OpenAsync("/console/jobs");

        Assert.StartsWith("/console/sign-in", browser.Address, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_cookies_are_out_of_reach_of_scripts_other_sites_and_plain_connections_and_do_not_contain_the_key()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Production", database.ConnectionString, [Key]);
        using var http = new HttpClient(new HttpClientHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Urls.First()) };

        using var page = await http.GetAsync(new Uri("/console/sign-in", UriKind.Relative), Cancel);
        var forms = Assert.Single(page.Headers.GetValues("Set-Cookie"));
        var token = (await page.Content.ReadAsStringAsync(Cancel)).Split("""__RequestVerificationToken" value=" """.TrimEnd())[1].Split('"')[0];
        using var request = new HttpRequestMessage(HttpMethod.Post, "/console/sign-in");
        request.Content = new FormUrlEncodedContent([new("__RequestVerificationToken", token), new("key", Key)]);
        request.Headers.Add("Cookie", forms.Split(';')[0]);
        using var answer = await http.SendAsync(request, Cancel);
        var session = Assert.Single(answer.Headers.GetValues("Set-Cookie"));

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.All(new[] { forms, session }, cookie =>
        {
            Assert.Contains("; path=/console; secure; samesite=strict; httponly", cookie, StringComparison.Ordinal);
            Assert.DoesNotContain("operator", cookie, StringComparison.Ordinal);
        });
        Assert.Contains("max-age=28800", session, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_with_the_token_signs_in_once_and_only_in_development()
    {
        const string Token = "a token of at least 24 characters";
        const string Link = "/console/sign-in?token=a%20token%20of%20at%20least%2024%20characters";
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key], settings: [new("Operations:SignInToken", Token)]);
        await using var production = await StartInAsync("Production", database.ConnectionString, [Key], settings: [new("Operations:SignInToken", Token)]);
        using var browser = new ConsoleBrowser(app);
        using var second = new ConsoleBrowser(app);
        using var elsewhere = new ConsoleBrowser(production);

        await second.OpenAsync("/console/sign-in?token=another", HttpStatusCode.Unauthorized);
        await browser.OpenAsync(Link);
        Assert.Equal("/console", browser.Address);
        await second.OpenAsync(Link, HttpStatusCode.Unauthorized);
        await elsewhere.OpenAsync(Link, HttpStatusCode.Unauthorized);

        Assert.Contains("This link has been used.", second.Page, StringComparison.Ordinal);
        Assert.DoesNotContain(elsewhere.Cookies.GetAllCookies(), cookie => cookie.Name == "console");
    }

    [Fact]
    public async Task Without_a_configured_key_there_is_no_console()
    {
        await using var app = await StartAsync("Host=127.0.0.1;Port=1;Timeout=2");
        using var http = Client(app, null);

        foreach (var page in new[] { "/console", "/console/sign-in", "/console/style.css" })
        {
            using var answer = await http.GetAsync(new Uri(page, UriKind.Relative), Cancel);
            await AssertProblemAsync(HttpStatusCode.NotFound, answer);
        }
    }

    [Fact]
    public async Task A_bearer_token_opens_no_page_and_a_session_no_route_of_the_api()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var http = Client(app, Key);

        var page = await http.GetStringAsync(new Uri("/console/jobs", UriKind.Relative), Cancel);

        Assert.Contains("<h1>Sign in</h1>", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_database_a_page_says_so()
    {
        await using var app = await StartInAsync("Development", "Host=127.0.0.1;Port=1;Timeout=2", [Key]);
        using var browser = new ConsoleBrowser(app);

        var page = await browser.OpenAsync("/console/sign-in", HttpStatusCode.ServiceUnavailable);

        Assert.Contains("<h1>Unavailable</h1>", page, StringComparison.Ordinal);
    }

    private static void Copy(ConsoleBrowser from, ConsoleBrowser to)
    {
        foreach (Cookie cookie in from.Cookies.GetAllCookies())
        {
            to.Cookies.Add(cookie);
        }
    }
}
