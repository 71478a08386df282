using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>What an operator does in the console: preview, reason, act.</summary>
public sealed class ConsoleActsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_parked_group_is_released_after_a_preview_and_with_a_reason()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ParkAsync(database);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var groups = await browser.OpenAsync("/console/parked");
        var release = WebUtility.HtmlDecode(groups.Split("<a class=\"button\" href=\"")[1].Split('"')[0]);
        var preview = await browser.OpenAsync(release);
        var without = await browser.SubmitAsync(HttpStatusCode.BadRequest, "/console/parked/release", ("reason", " "), ("perSecond", "1000"));
        var nothing = await database.QueryAsync("select count(*) from notifications where status <> 'parked'");
        var done = await browser.SubmitAsync("/console/parked/release", ("reason", "the server is back"), ("perSecond", "1000"));

        Assert.Contains("<strong>2</strong> parked", groups, StringComparison.Ordinal);
        Assert.Matches("<strong>2</strong> messages in <strong>notifications</strong>\\s*would be released", preview);
        Assert.Contains("The server answered #", preview, StringComparison.Ordinal);
        Assert.Contains("reason: is required", without, StringComparison.Ordinal);
        Assert.Equal(["0"], nothing);
        Assert.Equal("/console/parked?place=notifications&released=2&kept=0", browser.Address);
        Assert.Contains("2 released.", done, StringComparison.Ordinal);
        Assert.Contains("href=\"/console/audit?action=release\"", done, StringComparison.Ordinal);
        Assert.Equal(["a pending", "b pending", "c parked"], await database.QueryAsync("select concat_ws(' ', job_id, status) from notifications order by 1"));
        Assert.Equal(["release done 2 the server is back"], await database.QueryAsync("select concat_ws(' ', action, outcome, count, reason) from audit_log"));
        Assert.Contains("the server is back", await browser.OpenAsync("/console/audit?action=release"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_parked_group_is_discarded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ParkAsync(database);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var groups = await browser.OpenAsync("/console/parked");
        var discard = WebUtility.HtmlDecode(groups.Split("<a class=\"button danger\" href=\"")[1].Split('"')[0]);
        await browser.OpenAsync(discard);
        await browser.SubmitAsync("/console/parked/discard", ("reason", "closed accounts"));

        Assert.Equal("/console/parked?place=notifications&discarded=2&kept=0", browser.Address);
        Assert.Equal(["a superseded", "b superseded", "c parked"], await database.QueryAsync("select concat_ws(' ', job_id, status) from notifications order by 1"));
    }

    [Fact]
    public async Task The_places_of_what_is_parked_have_counts_and_the_first_that_holds_something_is_shown()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ParkAsync(database);
        SampleQueues(app, (Topology.ErrorQueue, 1234));
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var page = await browser.OpenAsync("/console/parked");
        await database.ExecuteAsync("update notifications set status = 'delivered'");

        Assert.Matches("""place=notifications" aria-current="true">Notifications\s*<span class="count">3<""", page);
        Assert.Matches("""place=error">Events in error\s*<span class="count">1,234<""", page);
        Assert.DoesNotMatch("""Quarantined bodies\s*<span class="count">""", page);
        // The queue of the events in error, which cannot be read: there is no broker here.
        await browser.OpenAsync("/console/parked", HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task A_replay_is_previewed_started_watched_and_stopped()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.CommitAsync([.. Enumerable.Range(0, 3).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"j{i}")))]);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var preview = await browser.OpenAsync("/console/replays/new?job=&type=video.completed&from=2026-11-23T11:00:00&what=events+notifications&identity=new&perSecond=50&preview=true");
        await browser.SubmitAsync(HttpStatusCode.BadRequest, "/console/replays/new", ("reason", ""));
        var running = await browser.SubmitAsync("/console/replays/new", ("reason", "a subscriber lost them"));
        var replay = browser.Address;
        Assert.DoesNotContain("http-equiv=\"refresh\"", await browser.OpenAsync($"{replay}?live=0"), StringComparison.Ordinal);
        Assert.Contains("http-equiv=\"refresh\"", await browser.OpenAsync(replay), StringComparison.Ordinal);
        var stopped = await browser.SubmitAsync($"{replay}/stop");

        Assert.Matches("<strong>3</strong>\\s*events\\s*would be replayed", preview);
        Assert.Contains("<progress max=\"3\" value=\"0\">", running, StringComparison.Ordinal);
        Assert.Contains("<span class=\"status plain\">stopped</span>", stopped, StringComparison.Ordinal);
        Assert.DoesNotContain("/stop\"", stopped, StringComparison.Ordinal);
        Assert.Equal(
            ["stopped t t t 50 2026-11-23 11:00:00"],
            await database.QueryAsync(
                "select concat_ws(' ', status, events, notifications, new_ids, per_second, (filter->>'from')::timestamptz at time zone 'utc') from replays"));
        Assert.Equal(
            ["replay a subscriber lost them", "replay.stop"], await database.QueryAsync("select concat_ws(' ', action, reason) from audit_log order by id"));
        Assert.Contains($"href=\"{replay}\"", await browser.OpenAsync("/console/replays"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_notification_is_sent_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await database.RegisterAsync(Owners.Register("j/1"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j/1")));
        await database.ExecuteAsync("update notifications set status = 'delivered', delivered_at = now()");
        using var browser = await ConsoleBrowser.SignInAsync(app);

        await browser.OpenAsync("/console/job?id=j%2F1");
        var without = await browser.SubmitAsync(HttpStatusCode.BadRequest, "/console/job/resend", ("channel", "email"), ("reason", ""));
        var done = await browser.SubmitAsync("/console/job/resend", ("channel", "email"), ("reason", "lost"));
        await browser.ForgeAsync(HttpStatusCode.NotFound, "/console/job/resend", ("id", "j/1"), ("channel", "email"), ("reason", "it is due already"));

        Assert.Contains("reason: is required", without, StringComparison.Ordinal);
        Assert.Contains("The notification by email is due again.", done, StringComparison.Ordinal);
        Assert.Equal(["pending"], await database.QueryAsync("select status from notifications"));
        Assert.Equal(["resend email j/1 lost"], await database.QueryAsync("select concat_ws(' ', action, target, reason) from audit_log"));
    }

    [Fact]
    public async Task Downloads_are_refreshed_where_the_key_has_the_right_raw()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await using var readers = await StartInAsync("Development", database.ConnectionString, [], settings:
            [new("Operations:Keys:0:Name", "ada"), new("Operations:Keys:0:Key", Key), new("Operations:Keys:0:Rights:0", "read")]);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"valid","downloads":[{"url":"https://files.example.com/a.mp4","expires_at":"2099-01-01T00:00:00Z"}]} }""")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"expired","downloads":[{"url":"https://files.example.com/a.mp4","expires_at":"2020-01-01T00:00:00Z"}]} }""")));
        using var browser = await ConsoleBrowser.SignInAsync(app);

        await browser.OpenAsync("/console/job?id=valid");
        var valid = await browser.SubmitAsync("/console/job/downloads");
        await browser.OpenAsync("/console/job?id=expired");
        // Here is no worker that could ask.
        var expired = await browser.SubmitAsync(HttpStatusCode.ServiceUnavailable, "/console/job/downloads");

        Assert.Contains("The downloads are valid for at least an hour.", valid, StringComparison.Ordinal);
        Assert.Contains("no worker asks Magic Hour", expired, StringComparison.Ordinal);
        using var reader = await ConsoleBrowser.SignInAsync(readers);
        Assert.DoesNotContain("Refresh downloads", await reader.OpenAsync("/console/job?id=valid"), StringComparison.Ordinal);
        await reader.ForgeAsync(HttpStatusCode.Forbidden, "/console/job/downloads", ("id", "valid"));
    }

    public static TheoryData<string, string> Acts => new()
    {
        { "/console/parked/release", "release" },
        { "/console/parked/discard", "discard" },
        { "/console/replays/new", "replay" },
        { "/console/replays/00000000-0000-0000-0000-000000000001/stop", "replay.stop" },
        { "/console/job/resend", "resend" },
    };

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task With_a_key_that_may_only_read_an_act_is_refused_and_recorded(string address, string action)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [], settings:
            [new("Operations:Keys:0:Name", "ada"), new("Operations:Keys:0:Key", Key), new("Operations:Keys:0:Rights:0", "read")]);
        await ParkAsync(database);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        var refused = await browser.ForgeAsync(HttpStatusCode.Forbidden, address, ("place", "notifications"), ("group", "x"), ("reason", "none"));

        Assert.Contains("You do not have the right operate.", refused, StringComparison.Ordinal);
        Assert.Equal([$"api-key:ada {action} {address} rejected"], await database.QueryAsync("select concat_ws(' ', who, action, target, outcome) from audit_log"));
        Assert.Equal(["3"], await database.QueryAsync("select count(*) from notifications where status = 'parked'"));
    }

    [Fact]
    public async Task With_a_key_that_may_only_read_there_is_no_form_but_the_one_to_sign_out()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [], settings:
            [new("Operations:Keys:0:Name", "ada"), new("Operations:Keys:0:Key", Key), new("Operations:Keys:0:Rights:0", "read")]);
        await ParkAsync(database);
        await database.ExecuteAsync(
            """
            insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, examined, published, notified)
            values ('00000000-0000-0000-0000-000000000001', now(), 'api-key:bob', 'a test', '{"job":"a"}', true, false, false, 1, 'running', 0, 0, 0)
            """);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        foreach (var address in new[] { "/console/parked", "/console/replays", "/console/replays/00000000-0000-0000-0000-000000000001", "/console/job?id=a" })
        {
            var page = await browser.OpenAsync(address);

            Assert.Single(page.Split("method=\"post\"").Skip(1), form => form.TrimStart().StartsWith("action=\"/console/sign-out\"", StringComparison.Ordinal));
            Assert.DoesNotMatch("<a class=\"button", page);
            Assert.Equal(2, page.Split("method=\"post\"").Length);
        }

        await browser.OpenAsync("/console/replays/new", HttpStatusCode.Forbidden);
        await browser.OpenAsync("/console/parked/release?place=notifications&group=x", HttpStatusCode.Forbidden);
    }

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task A_form_of_another_site_does_nothing(string address, string action)
    {
        Assert.NotEmpty(action);
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        await ParkAsync(database);
        using var browser = await ConsoleBrowser.SignInAsync(app);

        await browser.PostAsync(HttpStatusCode.BadRequest, address, ("place", "notifications"), ("reason", "forged"));
        await browser.PostAsync(HttpStatusCode.BadRequest, "/console/sign-out");
        await browser.PostAsync(HttpStatusCode.BadRequest, "/console/sign-in", ("key", Key));

        Assert.Equal("/console/jobs", new Uri(new Uri(app.Urls.First()), (await OpenAsync(browser)).Address).AbsolutePath);
        Assert.Empty(await database.QueryAsync("select id from audit_log"));
        Assert.Equal(["3"], await database.QueryAsync("select count(*) from notifications where status = 'parked'"));

        static async Task<ConsoleBrowser> OpenAsync(ConsoleBrowser browser)
        {
            await browser.OpenAsync("/console/jobs");
            return browser;
        }
    }

    /// <summary>Three parked notifications: two for one cause, one for another.</summary>
    private static async Task ParkAsync(TestDatabase database)
    {
        foreach (var job in new[] { "a", "b", "c" })
        {
            await database.RegisterAsync(Owners.Register(job));
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", job)));
        }

        await database.ExecuteAsync(
            """
            update notifications set status = 'parked', attempts = 9,
                last_error = case job_id when 'c' then 'The mailbox is full' else 'The server answered 500 to request ' || md5(job_id) end
            """);
    }
}
