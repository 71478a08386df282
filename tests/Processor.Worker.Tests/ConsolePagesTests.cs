using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>The pages of the console, read over HTTP as a browser without JavaScript does. The browser checks the headers of each.</summary>
public sealed class ConsolePagesTests(PostgresFixture postgres)
{
    private const string Hostile = "<script>alert(1)</script>\" onload='x' \u202Egnp.exe &amp; \u0007";

    [Fact]
    public async Task The_overview_shows_what_was_applied_and_what_waits_and_each_tile_leads_to_its_list()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var now = DateTimeOffset.UtcNow;
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "a", now.AddSeconds(-20))),
            Deliveries.Unit(Deliveries.Event("video.completed", "a", now.AddSeconds(-10))),
            Deliveries.Unit(Deliveries.NoEvent("{}")));
        await new Accounts(database).AnswerAsync(now, [2, 0, 1, 4321, 5]);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var page = browser.Page;
        Assert.Matches("""Refused with 4xx</td><td class="number">4,321<""", page);
        Assert.Matches("""Unavailable with 503</td><td class="number">5<""", page);
        Assert.Contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("refresh", await browser.OpenAsync("/console?live=0&window=1h"), StringComparison.Ordinal);
        await browser.OpenAsync("/console?window=2w", HttpStatusCode.BadRequest);

        Assert.Matches("""Events applied</span>\s*<span class="figure">2<""", page);
        Assert.Matches("""<a class="tile bad" href="/console/parked\?place=quarantined">\s*<span class="label">Quarantined bodies</span>\s*<span class="figure">1<""", page);
        Assert.Contains("<svg class=\"bars\"", page, StringComparison.Ordinal);
        foreach (var tile in Regex.Matches(page, "class=\"tile[^\"]*\" href=\"([^\"]*)\"").Select(match => WebUtility.HtmlDecode(match.Groups[1].Value)))
        {
            // The broker is unreachable here.
            if (!tile.Contains("quarantined", StringComparison.Ordinal))
            {
                await browser.OpenAsync(tile);
            }
        }
    }

    [Fact]
    public async Task The_bars_show_all_that_was_accepted_however_much()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await accounts.ReportAsync(through: 90_000);
        await accounts.ReportAsync(through: 90_010, seconds: 20, unconfirmed: [new(90_003, 90_003)]);
        await accounts.ReportAsync(through: 5, source: 2);
        await accounts.ReportAsync(through: 7, source: 3);
        await database.ExecuteAsync(
            """
            update publish_periods set ended_at = now() - (case
                when source = 3 then '61 minutes' when last_number = 90010 then '0' else '50.5 minutes' end)::interval
            """);
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var bars = Regex.Matches(browser.Page, "<rect [^>]*><title>([0-9,]+)</title>").Select(bar => bar.Groups[1].Value).ToArray();

        Assert.Equal(60, bars.Length);
        Assert.Equal((9, "90,005"), (Array.FindIndex(bars, bar => bar != "0"), bars[9]));
        Assert.Equal("9", bars[^1]);
        Assert.Equal(2, bars.Count(bar => bar != "0"));
        Assert.Contains("At most 90,005 a minute", browser.Page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, 2, "error")]
    [InlineData(0, 2, "dead")]
    public async Task The_overview_shows_what_the_broker_has_parked_and_nothing_of_it_while_the_broker_is_down(int inError, int dead, string place)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = await ConsoleBrowser.SignInAsync(app);
        var unknown = browser.Page;

        SampleQueues(
            app, (Topology.WebhookReceivedQueue, 1234), (Topology.ErrorQueue, inError), (Topology.DeadLetterQueue, dead), (Topology.RegisterJobErrorQueue, 1));
        var page = await browser.OpenAsync("/console");

        Assert.DoesNotContain("Events parked", unknown, StringComparison.Ordinal);
        Assert.DoesNotContain("Events queued", unknown, StringComparison.Ordinal);
        Assert.Matches("""Events queued</span>\s*<span class="figure">1,234<""", page);
        Assert.Matches(
            $"""<a class="tile bad" href="/console/parked\?place={place}">\s*<span class="label">Events parked</span>\s*<span class="figure">{inError + dead}<""", page);
        Assert.Contains($"{inError} in error, {dead} dead letters", page, StringComparison.Ordinal);
        Assert.Matches("""Registrations parked</span>\s*<span class="figure">1<""", page);
    }

    [Fact]
    public async Task An_event_is_found_by_its_job_and_leads_to_its_job_and_its_trace()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var received = Deliveries.Event("video.completed", "team/1 ü") with { DeliveryId = Accounts.Number(7).ToDeliveryId() };
        await new Accounts(database).ReportAsync(through: 9);
        await database.RegisterAsync(Owners.Register("team/1 ü"));
        await database.CommitAsync(Deliveries.Unit(received), Deliveries.Unit(Deliveries.Event("video.completed", "another")));
        await database.ExecuteAsync("update notifications set status = 'delivered', delivered_at = decided_at + interval '90 s'");
        await database.ExecuteAsync($"update webhook_events set trace_id = repeat('a', 32) where event_id = '{received.EventId}'");
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var found = await browser.OpenAsync("/console/events?type=&job=team%2F1+%C3%BC&from=&to=&origin=live&late=&trace=");
        var shown = await browser.OpenAsync($"/console/events/{received.EventId}");
        var job = await browser.OpenAsync("/console/job?id=team%2F1%20%C3%BC");

        Assert.Contains($"href=\"/console/events/{received.EventId}\"", found, StringComparison.Ordinal);
        Assert.DoesNotContain("another", found, StringComparison.Ordinal);
        Assert.Contains("<option value=\"live\" selected", found, StringComparison.Ordinal);
        Assert.Contains("href=\"/console/job?id=team%2F1%20%C3%BC\"", shown, StringComparison.Ordinal);
        Assert.Contains($"href=\"http://jaeger.example/ui/trace/{new string('a', 32)}\"", shown, StringComparison.Ordinal);
        Assert.Contains("&quot;type&quot;: &quot;video.completed&quot;", shown, StringComparison.Ordinal);
        Assert.Matches("""confirmed by the broker\s*<span class="note">as <bdi>ingress-15</bdi> reported at""", shown);
        Assert.Matches("""notification by email:\s*<span class="status good">delivered</span>\s*<span class="note">&#x2B;2 min</span>""", shown);
        Assert.Contains("<span class=\"status good\">completed</span>", job, StringComparison.Ordinal);
        Assert.Contains($"href=\"/console/events/{received.EventId}\"", job, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_has_a_next_page_and_keeps_its_filter()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync([.. Enumerable.Range(0, 5).Select(i => Deliveries.Unit(Deliveries.Event("video.started", $"job-{i}", Deliveries.Noon.AddMinutes(i))))]);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var first = await browser.OpenAsync("/console/events?type=video.started&limit=3");
        var next = WebUtility.HtmlDecode(first.Split("rel=\"next\" href=\"")[1].Split('"')[0]);
        var second = await browser.OpenAsync(next);

        Assert.Contains("type=video.started", next, StringComparison.Ordinal);
        Assert.Equal(["job-4", "job-3", "job-2", "job-1", "job-0"], Jobs(first).Concat(Jobs(second)));
        Assert.DoesNotContain("rel=\"next\"", second, StringComparison.Ordinal);

        static IEnumerable<string> Jobs(string page) => Regex.Matches(page, "<bdi>(job-[0-9])</bdi>").Select(match => match.Groups[1].Value);
    }

    [Theory]
    [InlineData("/console/events?jobs=a", HttpStatusCode.BadRequest, "jobs: is not a filter of this list")]
    [InlineData("/console/events?from=yesterday", HttpStatusCode.BadRequest, "from: must be a time")]
    [InlineData("/console/jobs?status=done", HttpStatusCode.BadRequest, "status: must be one of")]
    [InlineData("/console/audit?action=nothing", HttpStatusCode.BadRequest, "action: must be one of")]
    [InlineData("/console/parked?place=elsewhere", HttpStatusCode.BadRequest, "place: must be one of")]
    [InlineData("/console/job?id=unknown", HttpStatusCode.NotFound, "no event and no registration")]
    [InlineData("/console/events/00000000-0000-0000-0000-000000000001", HttpStatusCode.NotFound, "no event with this id")]
    [InlineData("/console/replays/00000000-0000-0000-0000-000000000001", HttpStatusCode.NotFound, "no replay with this id")]
    [InlineData("/console/replays/new?preview=true", HttpStatusCode.BadRequest, "needs at least one condition")]
    [InlineData("/console/parked/release?place=notifications", HttpStatusCode.BadRequest, "Either group or ids is required")]
    [InlineData("/console/elsewhere", HttpStatusCode.NotFound, "There is no such page.")]
    public async Task What_is_wrong_is_said_on_a_page(string address, HttpStatusCode status, string text)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var page = await browser.OpenAsync(address, status);

        Assert.Contains(text, page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_others_wrote_is_text_and_nothing_else_on_every_page()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var json = JsonSerializer.Serialize(Hostile);
        var received = Deliveries.Event($$"""{"type":"video.completed","payload":{"id":{{json}},"name":{{json}},"downloads":[{"url":"javascript:alert(1)"}]} }""");
        await database.RegisterAsync(Owners.Register(Hostile, userId: "<b>ada</b>"));
        await database.CommitAsync(Deliveries.Unit(received));
        await database.ExecuteAsync("update notifications set status = 'parked', last_error = '<img src=x onerror=alert(1)>'");
        await database.ExecuteAsync("insert into audit_log (at, who, action, target, reason, outcome) values (now(), '<i>who', 'release', '<u>target', '<s>reason', 'done')");
        using var browser = await ConsoleBrowser.SignInAsync(app);

        foreach (var address in new[]
                 {
                     "/console/events", $"/console/events/{received.EventId}", $"/console/events/{received.EventId}?raw=true", "/console/jobs",
                     $"/console/job?id={Uri.EscapeDataString(Hostile)}", "/console/parked", "/console/audit", "/console/jobs?user=%3Cb%3Eada%3C%2Fb%3E",
                     $"/console/events?job={Uri.EscapeDataString(Hostile)}", "/console/sign-in?to=%22%3E%3Cscript%3E",
                 })
        {
            // The value of a field is what was searched for.
            var page = Regex.Replace(await browser.OpenAsync(address), "(?<= value=)\"[^\"]*\"", "");

            Assert.DoesNotMatch("<(script|b|i|u|s|img)[ >]", page);
            Assert.DoesNotContain("href=\"javascript:", page, StringComparison.Ordinal);
            Assert.DoesNotContain("\u0007", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
            Assert.DoesNotContain("\u202E", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_the_right_raw_everything_is_redacted_and_raw_bodies_are_refused_and_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [], settings: Ada("read"));
        var received = Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"ada@example.com","downloads":[{"url":"https://files.example.com/a.mp4?sig=secret"}]} }""");
        await database.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com/hook?token=secret"));
        await database.CommitAsync(Deliveries.Unit(received));
        using var browser = await ConsoleBrowser.SignInAsync(app);

        foreach (var address in new[] { "/console/job?id=j", $"/console/events/{received.EventId}", "/console/events", "/console/jobs" })
        {
            var page = await browser.OpenAsync(address);
            Assert.DoesNotContain("=secret", page, StringComparison.Ordinal);
            Assert.DoesNotContain("ada@", page, StringComparison.Ordinal);
            Assert.DoesNotContain("raw=true", page, StringComparison.Ordinal);
        }

        await browser.OpenAsync($"/console/events/{received.EventId}?raw=true", HttpStatusCode.Forbidden);
        Assert.Equal([$"api-key:ada raw {received.EventId} rejected"], await database.QueryAsync("select concat_ws(' ', who, action, target, outcome) from audit_log"));
    }

    [Fact]
    public async Task Raw_bodies_are_shown_on_request_and_that_is_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var received = Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"ada@example.com"} }""");
        await database.CommitAsync(Deliveries.Unit(received));
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var redacted = await browser.OpenAsync($"/console/events/{received.EventId}");
        var raw = await browser.OpenAsync($"/console/events/{received.EventId}?raw=true");

        Assert.DoesNotContain("ada@", redacted, StringComparison.Ordinal);
        Assert.Contains("ada@example.com", raw, StringComparison.Ordinal);
        Assert.Equal([$"raw {received.EventId} done 1"], await database.QueryAsync("select concat_ws(' ', action, target, outcome, count) from audit_log"));
    }

    private static KeyValuePair<string, string?>[] Ada(params string[] rights) =>
    [
        new("Operations:Keys:0:Name", "ada"),
        new("Operations:Keys:0:Key", Key),
        .. rights.Select((right, index) => KeyValuePair.Create($"Operations:Keys:0:Rights:{index}", (string?)right)),
    ];
}
