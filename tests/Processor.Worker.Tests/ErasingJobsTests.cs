using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Registration;
using static Processor.Worker.Tests.Erasing;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>The data of a job is erased: nothing of it is left, and nothing comes back.</summary>
public sealed class ErasingJobsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_of_the_job_is_found_in_any_table_afterwards()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await using var app = await StartAsync(database);
        var before = await FindAsync(database, Secret);

        var erased = await EraseAsync(app, Id);

        Assert.Equal(
            ["download_refreshes", "job_registrations", "jobs", "notifications", "quarantined_events", "webhook_bodies", "webhook_events"],
            before.Select(place => Partition().Replace(place.Split('.')[0], "")).Distinct().Order());
        Assert.Empty(await FindAsync(database, Secret));
        // Where it is still needed, to recognise what must have no effect.
        Assert.Equal(["audit_log.target", "erased_jobs.job_id", "jobs.magic_hour_id", "webhook_events.job_id"], await FindAsync(database, Id));
        Assert.True(erased.GetProperty("removed").GetInt64() >= 10, $"{erased}");
        Assert.Equal(["api-key erase clx-erased-1 asked for it done"], await AuditAsync(database));
        Assert.Equal(["2"], await database.QueryAsync("select count(*) from inbox_state join webhook_events on event_id = message_id where job_id = 'clx-erased-1'"));
        var check = await database.CheckAsync();
        Assert.True(check.IsClean, string.Join('\n', check.Lines));
    }

    [Fact]
    public async Task The_job_is_shown_with_its_status_and_times_only_and_another_job_as_before()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await FillAsync(database, "another-job");
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var another = await http.GetStringAsync(new Uri("/jobs/another-job", UriKind.Relative), Cancel);

        var erased = await EraseAsync(app, Id);
        var shown = await http.GetFromJsonAsync<JsonElement>($"/jobs/{Id}", Cancel);

        Assert.Equal(("completed", "video"), (Text(shown, "status"), Text(shown, "resource")));
        Assert.Equal(Text(erased, "erasedAt"), Text(shown, "erasedAt"));
        Assert.Equal(
            ["completedAt", "createdAt", "erasedAt", "startedAt", "updatedAt"],
            shown.EnumerateObject().Where(member => member.Name.EndsWith("At", StringComparison.Ordinal) && member.Value.ValueKind is JsonValueKind.String).Select(member => member.Name).Order());
        Assert.All(
            new[] { "userId", "email", "webhookUrl", "projectType", "name", "errorCode", "errorMessage", "creditsCharged", "check" },
            name => Assert.True(!shown.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null, name));
        Assert.Equal((0, 0, 2), (shown.GetProperty("downloads").GetArrayLength(), shown.GetProperty("notifications").GetArrayLength(), shown.GetProperty("events").GetArrayLength()));
        Assert.Equal(another, await http.GetStringAsync(new Uri("/jobs/another-job", UriKind.Relative), Cancel));
    }

    [Fact]
    public async Task It_may_be_repeated_and_an_unknown_job_is_404()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var first = await EraseAsync(app, Id);
        var second = await EraseAsync(app, Id);
        using var unknown = await http.DeleteAsync(new Uri("/ops/jobs/unknown/data?reason=why", UriKind.Relative), Cancel);
        using var nul = await http.DeleteAsync(new Uri("/ops/jobs/a%00b/data?reason=why", UriKind.Relative), Cancel);
        using var without = await http.DeleteAsync(new Uri($"/ops/jobs/{Id}/data", UriKind.Relative), Cancel);

        Assert.Equal((Text(first, "erasedAt"), 0), (Text(second, "erasedAt"), second.GetProperty("removed").GetInt64()));
        await AssertProblemAsync(HttpStatusCode.NotFound, unknown);
        Assert.Contains(nul.StatusCode, new[] { HttpStatusCode.NotFound, HttpStatusCode.BadRequest });
        var problem = await AssertProblemAsync(HttpStatusCode.BadRequest, without);
        Assert.True(problem.GetProperty("errors").TryGetProperty("reason", out _));
        Assert.Equal(2, (await AuditAsync(database)).Length);
        Assert.Equal([Id], await database.QueryAsync("select job_id from erased_jobs"));
    }

    [Fact]
    public async Task An_id_with_any_characters_can_be_erased()
    {
        const string id = "team/1 %2F é\"";
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.EventOf("video.completed", id)));
        await using var app = await StartAsync(database);

        var erased = await EraseAsync(app, id);

        Assert.Equal(id, Text(erased, "jobId"));
        Assert.Equal([id], await database.QueryAsync("select job_id from erased_jobs"));
    }

    [Fact]
    public async Task Whether_an_event_comes_before_or_after_the_erasure_nothing_of_it_is_left()
    {
        const int rounds = 40;
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        for (var round = 0; round < rounds; round++)
        {
            var id = $"clx-round-{round}";
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", id)));

            await Task.WhenAll(
                database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed(id)))),
                EraseAsync(app, id),
                database.RegisterAsync(Owners.Register(id, userId: Secret)),
                database.CommitAsync(Deliveries.Unit(Deliveries.Event($$"""{"type":"video.errored","payload":{"id":"{{id}}","name":"{{Secret}}"} }"""))));
        }

        // Domain events are published: whoever subscribes has them, and erases them there.
        await database.ExecuteAsync("delete from outbox_message");
        Assert.Empty(await FindAsync(database, Secret));
        Assert.Equal([$"{rounds}"], await database.QueryAsync("select count(*) from erased_jobs"));
        Assert.True((await database.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task An_erasure_waits_for_a_group_that_has_locked_the_job()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await using var app = await StartAsync(database);
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var group = await connection.BeginTransactionAsync(Cancel);
        await using var acquire = new NpgsqlBatch(connection) { BatchCommands = { JobLock.Acquire([Id]) } };
        await acquire.ExecuteNonQueryAsync(Cancel);

        var erasing = EraseAsync(app, Id);
        await Waiting.UntilAsync(
            "it waits",
            async () => await database.QueryAsync("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") is [_],
            Cancel);
        await using var late = new NpgsqlCommand(
            $"update webhook_events set fact = fact || '{{\"name\":\"{Secret} committed meanwhile\"}}' where job_id = '{Id}'", connection);
        await late.ExecuteNonQueryAsync(Cancel);
        await group.CommitAsync(Cancel);
        await erasing;

        Assert.Empty(await FindAsync(database, Secret));
    }

    [Fact]
    public async Task The_login_of_the_role_api_erases_and_those_of_the_others_cannot()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await FillAsync(logins.Owner);
        await using var app = await StartAsync(logins.Api);

        var refused = await Task.WhenAll(new[] { logins.Consume, logins.Of("notify"), logins.Of("reconcile") }.Select(login =>
            login.FindAllowedAsync(["select erase_job('clx-erased-1', now())", "insert into erased_jobs values ('j', now())", "delete from erased_jobs"])));
        await EraseAsync(app, Id);
        var outcomes = await logins.Consume.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", Id)));

        Assert.All(refused, Assert.Empty);
        Assert.Equal([CommitOutcome.Erased], outcomes);
        Assert.Equal(RegistrationOutcome.Erased, await logins.Consume.RegisterAsync(Owners.Register(Id, at: DateTimeOffset.UtcNow)));
        Assert.Empty(await FindAsync(logins.Owner, Secret));
    }
}
