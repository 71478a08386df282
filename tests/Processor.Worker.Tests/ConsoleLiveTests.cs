using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>What the script of the console adds: the live page, refreshing, keys, and times in the viewer's zone, which is India's here.</summary>
public sealed class ConsoleLiveTests(PostgresFixture postgres, Chromium chromium)
{
    private const string Hostile = "<img src=x onerror=alert(1)>\u202E";

    [Fact]
    public async Task Events_appear_as_they_are_committed_and_wait_while_the_page_is_paused()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "first")));
        await using var tab = await chromium.SignInAsync(app);
        var jobs = tab.Page.Locator("tbody td:nth-child(3)");
        var state = tab.Page.Locator("[data-state]");

        await tab.Page.GotoAsync("/console/live");
        await Expect(state).ToHaveTextAsync("Live.");
        await database.CommitAsync(Deliveries.Unit(Deliveries.EventOf("video.completed", Hostile)));
        await Expect(jobs).ToHaveTextAsync(["<img src=x onerror=alert(1)>\uFFFD", "first"]);
        await tab.ClickAsync(AriaRole.Button, "Pause");
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "third")));
        await Expect(state).ToHaveTextAsync("Paused, 1 waiting.");
        await Expect(jobs).ToHaveCountAsync(2);
        await tab.ClickAsync(AriaRole.Button, "Continue");
        await Expect(jobs).ToHaveTextAsync(["third", "<img src=x onerror=alert(1)>\uFFFD", "first"]);
        await tab.Page.Locator("tbody tr:nth-child(2) td:nth-child(3) a").ClickAsync();

        await Expect(tab.Page.Locator("h1")).ToHaveTextAsync("Job <img src=x onerror=alert(1)>\uFFFD");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task It_is_filtered_and_has_at_most_200_rows()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await using var tab = await chromium.SignInAsync(app);

        await tab.Page.GotoAsync("/console/live");
        await tab.Page.GetByLabel("Type").FillAsync("video.completed");
        await tab.ClickAsync(AriaRole.Button, "Filter");
        await Expect(tab.Page.Locator("[data-state]")).ToHaveTextAsync("Live.");
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "other")));
        await database.CommitAsync([.. Enumerable.Range(0, 250).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"j{i}")))]);
        await Expect(tab.Page.Locator("tbody tr")).ToHaveCountAsync(200);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "last")));

        await Expect(tab.Page.Locator("tbody tr:first-child td:nth-child(3)")).ToHaveTextAsync("last");
        await Expect(tab.Page.Locator("tbody tr")).ToHaveCountAsync(200);
        Assert.Equal(0, await tab.Page.GetByText("other", new() { Exact = true }).CountAsync());
    }

    [Fact]
    public async Task Without_scripts_it_shows_the_newest_events_and_a_link_loads_it_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "first")));
        await using var tab = await chromium.SignInAsync(app, scripts: false);

        await tab.Page.GotoAsync("/console/live");
        await Expect(tab.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "second")));
        await tab.ClickAsync(AriaRole.Link, "Reload");

        await Expect(tab.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Expect(tab.Page.Locator("[data-pause]")).ToBeHiddenAsync();
        await Expect(tab.Page.Locator("footer")).ToContainTextAsync("All times are UTC.");
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task The_overview_refreshes_itself_until_it_is_paused()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await using var tab = await chromium.SignInAsync(app);
        var applied = tab.Page.Locator(".tile", new() { HasText = "Events applied" }).Locator(".figure");

        await Expect(applied).ToHaveTextAsync("0");
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "a", DateTimeOffset.UtcNow)));
        await Expect(applied).ToHaveTextAsync("1");
        await tab.ClickAsync(AriaRole.Link, "Pause");

        await Expect(tab.Page.GetByRole(AriaRole.Link, new() { Name = "Refresh every 5 s" })).ToBeVisibleAsync();
        Assert.Null(await tab.Page.Locator("body").GetAttributeAsync("data-refresh"));
        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task Keys_search_walk_the_rows_and_explain_themselves_and_times_are_those_of_the_viewer()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync([.. Enumerable.Range(0, 3).Select(i => Deliveries.Unit(Deliveries.Event("video.started", $"j{i}", Deliveries.Noon.AddMinutes(i))))]);
        await using var tab = await chromium.SignInAsync(app);
        var keyboard = tab.Page.Keyboard;

        await tab.Page.GotoAsync("/console/events");
        await Expect(tab.Page.Locator("tbody time").First).ToHaveTextAsync("2026-11-23 17:32:00");
        await Expect(tab.Page.Locator("tbody time").First).ToHaveAttributeAsync("title", "2026-11-23 12:02:00 UTC");
        await Expect(tab.Page.Locator("footer")).ToContainTextAsync("Asia/");
        await keyboard.PressAsync("/");
        await keyboard.TypeAsync("j?k");
        await Expect(tab.Page.GetByLabel("Job", new() { Exact = true })).ToHaveValueAsync("j?k");
        await tab.Page.Locator("h1").ClickAsync();
        await keyboard.PressAsync("?");
        await Expect(tab.Page.GetByRole(AriaRole.Dialog, new() { Name = "Keys" })).ToBeVisibleAsync();
        await keyboard.PressAsync("?");
        await Expect(tab.Page.Locator("dialog")).ToBeHiddenAsync();
        foreach (var key in new[] { "j", "j", "j", "j", "k" })
        {
            await keyboard.PressAsync(key);
        }

        await Expect(tab.Page.Locator("tr.selected td:nth-child(3)")).ToHaveTextAsync("j1");
        await keyboard.PressAsync("Enter");
        await Expect(tab.Page.Locator("main .facts")).ToContainTextAsync("j1");
        Assert.Empty(tab.Faults);
    }
}
