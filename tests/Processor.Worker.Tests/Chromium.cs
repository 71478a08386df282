using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;
using Platform.DevStack;

[assembly: AssemblyFixture(typeof(Processor.Worker.Tests.Chromium))]

namespace Processor.Worker.Tests;

/// <summary>The distribution's Chromium, started for the first test that needs it. Playwright's driver comes with its package; nothing is downloaded.</summary>
public sealed class Chromium : IAsyncDisposable
{
    // Generous, because it only delays a failure.
    private const float Patience = 60_000;

    private readonly Lazy<Task<IBrowser>> _browser;

    private IPlaywright? _playwright;

    public Chromium() => _browser = new Lazy<Task<IBrowser>>(StartAsync);

    /// <summary>Opens a tab with cookies of its own.</summary>
    internal async Task<ChromiumTab> OpenAsync(WebApplication app, bool scripts = true, ColorScheme colors = ColorScheme.Light, int width = 1280)
    {
        var browser = await _browser.Value;
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = app.Urls.First(),
            JavaScriptEnabled = scripts,
            ColorScheme = colors,
            ViewportSize = new ViewportSize { Width = width, Height = 800 },
            TimezoneId = "Asia/Kolkata",
        });
        context.SetDefaultTimeout(Patience);
        return new ChromiumTab(context, await context.NewPageAsync(), new Uri(app.Urls.First()));
    }

    /// <summary>Opens a tab and signs in through the form.</summary>
    internal async Task<ChromiumTab> SignInAsync(
        WebApplication app, bool scripts = true, ColorScheme colors = ColorScheme.Light, int width = 1280)
    {
        var tab = await OpenAsync(app, scripts, colors, width);
        await tab.Page.GotoAsync("/console");
        await tab.Page.GetByLabel("API key").FillAsync(OperationsApp.Key);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await tab.ArriveAsync("/console");
        return tab;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser.IsValueCreated)
        {
            await (await _browser.Value).DisposeAsync();
        }

        _playwright?.Dispose();
    }

    private async Task<IBrowser> StartAsync()
    {
        await ServerPackages.EnsureBrowserAsync(CancellationToken.None);
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(Patience);
        return await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = ServerPackages.FindBrowser() });
    }
}

/// <summary>A tab that notes what must not happen on any page of the console.</summary>
internal sealed class ChromiumTab : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _faults = [];

    public ChromiumTab(IBrowserContext context, IPage page, Uri app)
    {
        _context = context;
        Page = page;
        // A violation of the content security policy is an error of the console as well. The status of an answer is noted below.
        page.Console += (_, message) => Note(
            message.Type is "error" or "warning" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal), $"{message.Type} {message.Text}");
        page.PageError += (_, error) => Note(true, error);
        page.Dialog += (_, dialog) => Note(true, $"dialog {dialog.Message}");
        page.Request += (_, request) => Note(
            !request.Url.StartsWith("data:", StringComparison.Ordinal) && new Uri(request.Url).Authority != app.Authority, $"request to {request.Url}");
        page.Response += (_, answer) => Note(answer.Status >= 400, $"{answer.Status} {answer.Request.Method} {new Uri(answer.Url).AbsolutePath}");
    }

    public IPage Page { get; }

    /// <summary>Errors of the console, scripts that failed, requests to other hosts, answers of 400 and above.</summary>
    public IReadOnlyList<string> Faults
    {
        get
        {
            lock (_faults)
            {
                return [.. _faults];
            }
        }
    }

    /// <summary>Waits until the tab is at an address that ends like this. Not until it is loaded: the next step waits for what it needs.</summary>
    public Task ArriveAsync(string end) => Assertions.Expect(Page).ToHaveURLAsync(new Regex($"{Regex.Escape(end)}$"));

    public Task ClickAsync(AriaRole role, string name) => Page.GetByRole(role, new() { Name = name, Exact = true }).ClickAsync();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    private void Note(bool isFault, string fault)
    {
        if (isFault)
        {
            lock (_faults)
            {
                _faults.Add(fault);
            }
        }
    }
}
