using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>People sign in to the console at an OpenID Connect provider.</summary>
public sealed class ConsoleOidcTests(PostgresFixture postgres, Chromium chromium)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_person_returns_to_the_page_that_was_asked_for_and_signs_out_at_both(bool scripts)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.OpenAsync(app, scripts);

        await tab.Page.GotoAsync("/console/jobs?status=completed");
        await tab.ClickAsync(AriaRole.Link, "Sign in with localhost");
        await tab.ClickAsync(AriaRole.Link, "Continue as ada");
        await tab.ArriveAsync("/console/jobs?status=completed");

        await Expect(tab.Page.Locator("header .caller span")).ToHaveTextAsync("oidc:ada");
        await tab.Page.GotoAsync("/console/parked");
        await Expect(tab.Page.GetByRole(AriaRole.Link, new() { Name = "Release …" })).ToHaveCountAsync(0);
        await tab.ClickAsync(AriaRole.Button, "Sign out");
        await tab.ClickAsync(AriaRole.Link, "Sign out there too");
        await tab.ArriveAsync("/console/sign-in");
        await tab.Page.GotoAsync("/console/jobs");
        Assert.Contains("/console/sign-in?to=", tab.Page.Url, StringComparison.Ordinal);
        // What the provider's pages request is all that leads elsewhere.
        Assert.DoesNotContain(tab.Faults, fault => !fault.StartsWith($"request to {provider.Address}/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_audit_trail_names_the_person()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read", "operate");
        using var browser = await SignInAsync(app, provider, "ada");

        await browser.OpenAsync("/console/replays/new?type=video.completed&what=events&identity=same&perSecond=50&preview=true");
        await browser.SubmitAsync("/console/replays/new", ("reason", "a subscriber lost them"));

        Assert.Equal(["oidc:ada"], await database.QueryAsync("select who from audit_log where action = 'replay'"));
    }

    [Fact]
    public async Task A_person_without_a_granted_group_is_not_signed_in()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        provider.User = "bob";
        using var browser = new ConsoleBrowser(app);

        var page = await browser.OpenAsync("/console/sign-in/provider", HttpStatusCode.Forbidden);
        await browser.OpenAsync("/console/jobs");

        Assert.Contains("bob has no rights here.", page, StringComparison.Ordinal);
        Assert.StartsWith("/console/sign-in", browser.Address, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_ends_when_the_settings_no_longer_grant_its_group_rights()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        await using var replica = await StartWithProviderAsync(database, provider, ["read"], group: "others");
        using var browser = await SignInAsync(app, provider, "ada");
        using var other = new ConsoleBrowser(replica) { Cookies = browser.Cookies };

        await browser.OpenAsync("/console/jobs");
        await other.OpenAsync("/console/jobs");

        Assert.Equal("/console/jobs", browser.Address);
        Assert.StartsWith("/console/sign-in", other.Address, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_the_provider_is_shown()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        provider.Denies = true;
        using var browser = new ConsoleBrowser(app);

        var page = await browser.OpenAsync("/console/sign-in/provider", HttpStatusCode.Unauthorized);

        Assert.Contains("The sign-in was refused, or took too long.", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/console/sign-in/callback")]
    [InlineData("/console/sign-in/callback?code=forged&state=forged")]
    public async Task An_answer_that_no_sign_in_asked_for_is_refused(string address)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        using var browser = new ConsoleBrowser(app);

        await browser.OpenAsync(address, HttpStatusCode.Unauthorized);

        Assert.DoesNotContain(browser.Cookies.GetAllCookies(), cookie => cookie.Name == "console");
    }

    [Fact]
    public async Task The_answer_to_the_sign_in_of_another_browser_is_refused()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        provider.User = "ada";
        using var attacker = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var challenge = await attacker.GetAsync(new Uri($"{app.Urls.First()}/console/sign-in/provider"), TestContext.Current.CancellationToken);
        using var answer = await attacker.GetAsync(challenge.Headers.Location, TestContext.Current.CancellationToken);
        using var victim = new ConsoleBrowser(app);

        await victim.OpenAsync(answer.Headers.Location!.PathAndQuery, HttpStatusCode.Unauthorized);

        Assert.DoesNotContain(victim.Cookies.GetAllCookies(), cookie => cookie.Name == "console");
    }

    [Fact]
    public async Task A_provider_that_fails_in_the_middle_is_unavailable()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        (provider.User, provider.HasNoTokens) = ("ada", true);
        using var browser = new ConsoleBrowser(app);

        var page = await browser.OpenAsync("/console/sign-in/provider", HttpStatusCode.ServiceUnavailable);

        Assert.Contains("The sign-in provider is unavailable.", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_provider_a_key_still_signs_in()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(database, provider, "read");
        await provider.DisposeAsync();
        using var browser = new ConsoleBrowser(app);

        var page = await browser.OpenAsync("/console/sign-in/provider", HttpStatusCode.ServiceUnavailable);
        await browser.SubmitAsync("/console/sign-in", ("key", Key));

        Assert.Contains("The sign-in provider is unavailable.", page, StringComparison.Ordinal);
        Assert.Equal("/console", browser.Address);
    }

    [Fact]
    public async Task Behind_a_proxy_the_provider_returns_to_the_public_address()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var provider = await OidcProvider.StartAsync();
        await using var app = await StartWithProviderAsync(
            database, provider, ["read"], publicUrl: "https://operations.example.com/");
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Urls.First()) };

        using var challenge = await http.GetAsync(new Uri("/console/sign-in/provider", UriKind.Relative), TestContext.Current.CancellationToken);
        var asked = challenge.Headers.Location!.Query;

        Assert.Contains("redirect_uri=https%3A%2F%2Foperations.example.com%2Fconsole%2Fsign-in%2Fcallback", asked, StringComparison.Ordinal);
        Assert.All(challenge.Headers.GetValues("Set-Cookie"), cookie =>
        {
            Assert.StartsWith("console-oidc-", cookie, StringComparison.Ordinal);
            Assert.Contains("; path=/console/sign-in/callback; samesite=lax; httponly", cookie, StringComparison.Ordinal);
        });
    }

    private static async Task<ConsoleBrowser> SignInAsync(WebApplication app, OidcProvider provider, string user)
    {
        provider.User = user;
        var browser = new ConsoleBrowser(app);
        await browser.OpenAsync("/console/sign-in/provider");
        Assert.Contains("<h1>Signed in</h1>", browser.Page, StringComparison.Ordinal);
        return browser;
    }

    private static Task<WebApplication> StartWithProviderAsync(TestDatabase database, OidcProvider provider, params string[] rights) =>
        StartWithProviderAsync(database, provider, rights, "on-call");

    private static Task<WebApplication> StartWithProviderAsync(
        TestDatabase database, OidcProvider provider, string[] rights, string group = "on-call", string? publicUrl = null) => StartInAsync(
        "Development", database.ConnectionString, [Key], settings:
        [
            new("Operations:Oidc:Authority", provider.Address),
            new("Operations:Oidc:ClientId", OidcProvider.Client),
            new("Operations:Oidc:ClientSecret", OidcProvider.Secret),
            new("Operations:Oidc:Scopes:0", "groups"),
            new("Operations:Oidc:PublicUrl", publicUrl),
            new("Operations:Oidc:Grants:0:Value", group),
            .. rights.Select((right, index) => KeyValuePair.Create($"Operations:Oidc:Grants:0:Rights:{index}", (string?)right)),
        ]);
}
