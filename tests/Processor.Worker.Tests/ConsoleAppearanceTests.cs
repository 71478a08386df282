using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Every page in a browser: accessible in both colour schemes, small, within a phone's width, and silent.</summary>
public sealed class ConsoleAppearanceTests(PostgresFixture postgres, Chromium chromium)
{
    private const int MaxPageBytes = 60_000;

    private static readonly Dictionary<string, string> Images = new()
    {
        ["/console"] = "overview",
        ["/console/live"] = "live",
        ["/console/events"] = "events",
        [$"/console/events/{ConsoleContent.Event}"] = "event",
        ["/console/jobs"] = "jobs",
        [$"/console/job?id={Uri.EscapeDataString(ConsoleContent.Job)}"] = "job",
        ["/console/parked"] = "parked",
        [$"/console/replays/{ConsoleContent.Replay}"] = "replay",
        ["/console/replays/new?type=video.completed&preview=true"] = "new-replay",
        ["/console/audit"] = "audit",
    };

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task No_page_has_an_accessibility_violation_an_error_or_more_than_60_kB(ColorScheme colors)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.OpenAsync(app, colors: colors);
        await tab.Page.GotoAsync("/console/sign-in");
        await CheckAsync(tab, "/console/sign-in", colors);
        await tab.Page.GetByLabel("API key").FillAsync(Key);
        await tab.ClickAsync(AriaRole.Button, "Sign in");

        foreach (var address in ConsoleContent.Pages)
        {
            var answer = await tab.Page.GotoAsync(address);
            var bytes = (await answer!.BodyAsync()).Length;

            Assert.True(bytes <= MaxPageBytes, $"{address} has {bytes} bytes");
            await CheckAsync(tab, address, colors);
            await PhotographAsync(tab.Page, address, colors);
        }

        await tab.Page.GotoAsync("/console/parked");
        await tab.ClickAsync(AriaRole.Link, "Release …");
        await CheckAsync(tab, "the preview of a release", colors);
        Assert.Empty(tab.Faults);
        await tab.Page.GotoAsync("/console/events?from=yesterday");
        await CheckAsync(tab, "a problem", colors);
        await tab.Page.GotoAsync("/console/elsewhere");
        await CheckAsync(tab, "no page", colors);
        Assert.Equal(["400 GET /console/events", "404 GET /console/elsewhere"], tab.Faults);
    }

    [Fact]
    public async Task At_375_pixels_no_page_is_wider_than_the_screen()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.SignInAsync(app, width: 375);

        foreach (var address in ConsoleContent.Pages)
        {
            await tab.Page.GotoAsync(address);

            Assert.True(await tab.Page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= 375, $"{address} is too wide");
        }
    }

    private static async Task CheckAsync(ChromiumTab tab, string page, ColorScheme colors)
    {
        // In the dark only colours differ.
        var options = new AxeRunOptions { RunOnly = colors is ColorScheme.Dark ? RunOnlyOptions.Rules("color-contrast") : null };
        var found = await tab.Page.RunAxe(options);
        Assert.True(found.Violations.Length == 0, $"{page}: {string.Join('\n', found.Violations.Select(Describe))}");
    }

    /// <summary>Writes the images of docs/console.md, where SCREENSHOTS names their folder.</summary>
    private static async Task PhotographAsync(IPage page, string address, ColorScheme colors)
    {
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { } folder && colors is ColorScheme.Light && Images.TryGetValue(address, out var image))
        {
            await page.SetViewportSizeAsync(1000, 600);
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"console-{image}.png") });
        }
    }

    private static string Describe(AxeResultItem violation) => $"{violation.Id}: {string.Join(", ", violation.Nodes.Select(node => node.Html))}";
}
