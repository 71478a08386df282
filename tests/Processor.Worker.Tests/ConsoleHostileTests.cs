using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Text of others in a browser: shown, and nothing else.</summary>
public sealed class ConsoleHostileTests(PostgresFixture postgres, Chromium chromium)
{
    // Of 20,000 characters of a body, each of which may need six bytes.
    private const int MaxPageBytes = 150_000;

    private static readonly string[] Pages =
    [
        "/console", "/console/live", "/console/events", "/console/jobs", "/console/parked", "/console/replays", $"/console/replays/{ConsoleContent.Replay}", "/console/audit",
    ];

    public static TheoryData<string> Texts =>
    [
        "<script>window.harmed=1</script>\"><img src=x onerror=\"window.harmed=1\"><svg onload=window.harmed=1>' onmouseover='window.harmed=1' autofocus onfocus='window.harmed=1'",
        "</title></textarea></style></pre><iframe src=javascript:alert(1)></iframe><base href=//attacker.example/>&lt;script&gt; %0d%0aSet-Cookie:a=b ../../etc",
        "javascript:alert(1)//evil\u202Egnp.exe\u2066\u200F\u200B\uFEFF bell\u0007 escape\u001B[31m\u0001\u007F\u0085\u2028 日本語 кириллица العربية {{7*7}} @(7*7)",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task In_every_field_it_is_inert(string text)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateHostileAsync(database, text);
        await using var tab = await chromium.SignInAsync(app);
        await tab.Page.GotoAsync("/console/events");
        var found = (await tab.Page.Locator("tbody td:first-child a").GetAttributeAsync("href"))!;

        foreach (var address in (string[])
                 [.. Pages, found, $"{found}?raw=true", $"/console/job?id={Uri.EscapeDataString(text)}", $"/console/jobs?user={Uri.EscapeDataString(text)}",
                  $"/console/events?job={Uri.EscapeDataString(text)}", $"/console/audit?who={Uri.EscapeDataString(text)}"])
        {
            await tab.Page.GotoAsync(address);
            // Focus and hover would run what an attribute hides.
            await tab.Page.Keyboard.PressAsync("Tab");

            Assert.Equal("none", await tab.Page.EvaluateAsync<string>("'harmed' in window ? 'harmed' : 'none'"));
            await Expect(tab.Page.Locator("main script, img, iframe, base, main svg:not(.bars), a[href^='javascript:'], [onerror], [onload], [onmouseover], [onfocus]")).ToHaveCountAsync(0);
            Assert.DoesNotMatch("[\\p{Cc}\\u200B-\\u200C\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u2069\\uFEFF-[\\n\\t]]", await tab.Page.Locator("body").InnerTextAsync());
        }

        // It is shown all the same.
        await tab.Page.GotoAsync($"/console/job?id={Uri.EscapeDataString(text)}");
        await Expect(tab.Page.Locator("h1")).ToContainTextAsync(text[..4]);
        Assert.Empty(tab.Faults);
    }

    [Theory]
    [InlineData('A')]
    [InlineData('<')]
    [InlineData('я')]
    [InlineData('\u202E')]
    public async Task A_megabyte_is_cut(char character)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var megabyte = new string(character, 1 << 20);
        for (var variant = 0; variant < 8; variant++)
        {
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
                $$$"""{"type":"video.completed","payload":{"id":"j","name":"{{{variant}}}{{{megabyte}}}"} }""")));
        }

        await database.ExecuteAsync("insert into audit_log (at, who, action, target, reason, outcome) values (now(), 'ada', 'release', 'x', repeat('x', 4000), 'done')");
        await using var tab = await chromium.SignInAsync(app);
        await tab.Page.GotoAsync("/console/events");
        var found = (await tab.Page.Locator("tbody td:first-child a").GetAttributeAsync("href"))!;

        foreach (var address in (string[])[.. Pages.Where(page => !page.Contains("/replays/", StringComparison.Ordinal)), found, $"{found}?raw=true", "/console/job?id=j"])
        {
            var answer = await tab.Page.GotoAsync(address);

            var bytes = (await answer!.BodyAsync()).Length;
            Assert.True(bytes <= MaxPageBytes, $"{address} has {bytes} bytes");
        }

        Assert.Empty(tab.Faults);
    }

    [Fact]
    public async Task A_megabyte_in_a_form_is_refused_on_a_page()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ConsoleContent.CreateAsync(database);
        await using var tab = await chromium.SignInAsync(app);

        await tab.Page.GotoAsync("/console/parked");
        await tab.ClickAsync(AriaRole.Link, "Release …");
        await tab.Page.GetByLabel("Reason").FillAsync(new string('x', 1 << 20));
        await tab.ClickAsync(AriaRole.Button, "Release");

        await Expect(tab.Page.GetByText("The request cannot be read.")).ToBeVisibleAsync();
        Assert.Equal(["413 POST /console/parked/release"], tab.Faults);
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from notifications where status = 'parked'"));
    }
}
