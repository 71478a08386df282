using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.Playwright;
using Processor.Worker.Outbox;
using Processor.Worker.Replays;
using static Microsoft.Playwright.Assertions;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>What an operator does in the console, in a browser with scripts and in one without.</summary>
public sealed class ConsoleInChromiumTests(PostgresFixture postgres, Chromium chromium)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_event_is_found_by_its_job_and_followed_to_the_job_and_the_trace(bool scripts)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.SignInAsync(app, scripts);

        await tab.ClickAsync(AriaRole.Link, "Events");
        await tab.Page.GetByLabel("Job", new() { Exact = true }).FillAsync(ConsoleContent.Job);
        await tab.Page.GetByLabel("Type").FillAsync("video.completed");
        await tab.ClickAsync(AriaRole.Button, "Search");
        await Expect(tab.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await tab.Page.Locator("tbody tr td:first-child a").ClickAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Timeline" })).ToBeVisibleAsync();
        var trace = await tab.Page.GetByRole(AriaRole.Link, new() { Name = ConsoleContent.Trace }).GetAttributeAsync("href");
        await tab.ClickAsync(AriaRole.Link, ConsoleContent.Job);

        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = $"Job {ConsoleContent.Job}" })).ToBeVisibleAsync();
        await Expect(tab.Page.Locator(".facts .status")).ToHaveTextAsync("completed");
        Assert.Equal($"http://jaeger.example/ui/trace/{ConsoleContent.Trace}", trace);
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_parked_group_is_released_with_a_preview_and_a_reason(bool scripts)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.SignInAsync(app, scripts);

        await tab.Page.Locator(".tile", new() { HasText = "Notifications parked" }).ClickAsync();
        await tab.ClickAsync(AriaRole.Link, "Release …");
        await Expect(tab.Page.Locator(".preview")).ToContainTextAsync("1 message in notifications would be released.");
        await tab.Page.GetByLabel("Reason").FillAsync("the server is back");
        await tab.ClickAsync(AriaRole.Button, "Release");

        await Expect(tab.Page.GetByRole(AriaRole.Status)).ToHaveTextAsync("1 released.");
        Assert.Equal(["webhook pending"], await database.QueryAsync("select concat_ws(' ', channel, status) from notifications where channel = 'webhook'"));
        Assert.Equal(["api-key 1 the server is back"], await database.QueryAsync("select concat_ws(' ', split_part(who, ':', 1), count, reason) from audit_log order by id desc limit 1"));
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_replay_is_started_watched_and_stopped(bool scripts)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync([.. Enumerable.Range(0, 60).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"j{i}")))]);
        await database.ExecuteAsync("delete from outbox_message");
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        using var runner = new ReplayRunner(database.Source, gate: null!, new OutboxSignal(TimeProvider.System), time, NullLogger<ReplayRunner>.Instance);
        await using var tab = await chromium.SignInAsync(app, scripts);

        await tab.ClickAsync(AriaRole.Link, "Replays");
        await tab.ClickAsync(AriaRole.Link, "New replay …");
        await tab.Page.GetByLabel("Type").FillAsync("video.completed");
        await tab.ClickAsync(AriaRole.Button, "Preview");
        await Expect(tab.Page.Locator(".preview")).ToHaveTextAsync("60 events would be replayed.");
        await tab.Page.GetByLabel("Reason").FillAsync("a subscriber lost them");
        await tab.ClickAsync(AriaRole.Button, "Start replay");
        await Expect(tab.Page.Locator(".progress")).ToHaveTextAsync("0 of 60");
        await runner.RunChunkAsync(Cancel);
        // Nothing is clicked: the page refreshes itself.
        await Expect(tab.Page.Locator(".progress")).ToHaveTextAsync("20 of 60");
        await tab.ClickAsync(AriaRole.Button, "Stop");
        await Expect(tab.Page.Locator("main .status")).ToHaveTextAsync("stopped");
        time.Advance(TimeSpan.FromSeconds(1));
        await runner.RunChunkAsync(Cancel);

        await Expect(tab.Page.GetByRole(AriaRole.Button, new() { Name = "Stop" })).ToHaveCountAsync(0);
        Assert.Equal(["stopped 20 20"], await database.QueryAsync("select concat_ws(' ', status, examined, (select count(*) from outbox_message)) from replays"));
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_a_key_that_may_only_read_there_are_no_buttons_and_a_forged_post_is_403(bool scripts)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartWithRightsAsync(database, "Development", "read");
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.SignInAsync(app, scripts);

        foreach (var address in ConsoleContent.Pages.Where(page => !page.Contains("/new", StringComparison.Ordinal) && !page.Contains("raw=", StringComparison.Ordinal)))
        {
            await tab.Page.GotoAsync(address);
            await Expect(tab.Page.Locator("form[method=post]")).ToHaveCountAsync(1);
            await Expect(tab.Page.Locator("form[method=post] button")).ToHaveTextAsync("Sign out");
            await Expect(tab.Page.Locator("a.button")).ToHaveCountAsync(0);
        }

        Assert.Empty(tab.Faults);
        // The only form that there is, sent elsewhere: with the session and a valid token.
        await tab.Page.Locator("form[method=post]").EvaluateAsync("form => form.action = '/console/parked/release'");
        await tab.ClickAsync(AriaRole.Button, "Sign out");
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Not allowed" })).ToBeVisibleAsync();
        Assert.Equal(["403 POST /console/parked/release"], tab.Faults);
        Assert.Equal(["rejected"], await database.QueryAsync("select outcome from audit_log order by id desc limit 1"));
    }

    private static Task<WebApplication> StartWithRightsAsync(TestDatabase database, string environment, string right) => StartInAsync(
        environment, database.ConnectionString, [], settings:
        [new("Operations:Keys:0:Name", "ada"), new("Operations:Keys:0:Key", Key), new("Operations:Keys:0:Rights:0", right)]);
}
