using System.Net;
using System.Net.Http.Json;
using Processor.Worker.Registration;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>A job belongs to the identity that registered it first.</summary>
public sealed class RegistrationTakeoverTests(PostgresFixture postgres)
{
    private const string Registration =
        "select concat_ws(' ', user_id, email, registered_by) from job_registrations union all select concat_ws(' ', user_id, created_at at time zone 'utc') from jobs";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("broker:stranger")]
    [InlineData("anonymous")]
    [InlineData("api-key:0123456789abcdef")]
    public async Task Another_identity_changes_nothing_of_a_registered_job(string stranger)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"), "broker:application");

        var newer = await database.RegisterAsync(Owners.Register("j", "eve@example.com", userId: "eve", at: Deliveries.Noon.AddSeconds(1)), stranger);
        // A rejected registration does not even change the time at which the job became known.
        var older = await database.RegisterAsync(Owners.Register("j", "eve@example.com", at: Deliveries.Noon.AddYears(-1)), stranger);

        Assert.Equal((RegistrationOutcome.Rejected, RegistrationOutcome.Rejected), (newer, older));
        Assert.Equal(["ada ada@example.com broker:application", "ada 2026-11-23 12:00:00"], await database.QueryAsync(Registration));
    }

    [Fact]
    public async Task Another_identity_is_not_notified_of_the_end_of_a_registered_job()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j", email: null), "broker:application");
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        var outcome = await database.RegisterAsync(Owners.Register("j", "eve@example.com", "https://eve.example/", Deliveries.Noon.AddSeconds(1)), "broker:stranger");

        Assert.Equal(RegistrationOutcome.Rejected, outcome);
        Assert.Empty(await database.NotificationsAsync());
    }

    [Fact]
    public async Task Of_two_that_register_at_the_same_moment_one_owns_the_job()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        for (var round = 0; round < 20; round++)
        {
            var jobId = $"job-{round}";

            var outcomes = await Task.WhenAll(
                database.RegisterAsync(Owners.Register(jobId), "broker:application"), database.RegisterAsync(Owners.Register(jobId), "broker:stranger"));

            Assert.Equal([RegistrationOutcome.Saved, RegistrationOutcome.Rejected], outcomes.Order());
        }
    }

    [Fact]
    public async Task A_registration_without_a_registrant_is_claimed_by_who_knows_its_user()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"));
        await database.ExecuteAsync("update job_registrations set registered_by = null");

        var stranger = await database.RegisterAsync(Owners.Register("j", "eve@example.com", userId: "eve", at: Deliveries.Noon.AddSeconds(1)), "broker:stranger");
        var application = await database.RegisterAsync(Owners.Register("j", at: Deliveries.Noon.AddSeconds(1)), "broker:application");
        var late = await database.RegisterAsync(Owners.Register("j", at: Deliveries.Noon.AddSeconds(2)), "broker:stranger");

        Assert.Equal((RegistrationOutcome.Rejected, RegistrationOutcome.Saved, RegistrationOutcome.Rejected), (stranger, application, late));
    }

    [Fact]
    public async Task An_anonymous_registration_is_updated_only_by_who_knows_its_user()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"), "anonymous");

        var stranger = await database.RegisterAsync(Owners.Register("j", "eve@example.com", userId: "eve", at: Deliveries.Noon.AddSeconds(1)), "anonymous");
        var older = await database.RegisterAsync(Owners.Register("j", "eve@example.com", userId: "eve", at: Deliveries.Noon.AddYears(-1)), "anonymous");
        var application = await database.RegisterAsync(Owners.Register("j", "new@example.com", at: Deliveries.Noon.AddSeconds(1)), "anonymous");

        Assert.Equal((RegistrationOutcome.Rejected, RegistrationOutcome.Rejected, RegistrationOutcome.Saved), (stranger, older, application));
        Assert.Equal(["ada new@example.com anonymous", "ada 2026-11-23 12:00:00"], await database.QueryAsync(Registration));
    }

    [Fact]
    public async Task A_registrant_that_is_verified_may_change_the_user()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"), "broker:application");

        Assert.Equal(RegistrationOutcome.Saved, await database.RegisterAsync(Owners.Register("j", userId: "bob", at: Deliveries.Noon.AddSeconds(1)), "broker:application"));

        Assert.Equal(["bob ada@example.com broker:application", "bob 2026-11-23 12:00:00"], await database.QueryAsync(Registration));
    }

    [Fact]
    public async Task A_key_is_rotated_under_its_name_and_both_keys_update_the_same_registrations()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var before = await StartNamedAsync(database, ("studio", Key));
        await using var after = await StartNamedAsync(database, ("shop", OtherKey), ("studio", NextKey));
        using var old = Client(before, Key);
        using var next = Client(after, NextKey);
        using var other = Client(after, OtherKey);

        using var first = await old.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);
        using var takeover = await other.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);
        using var second = await next.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "bob" }, Cancel);
        using var third = await old.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "cyd" }, Cancel);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode, third.StatusCode));
        Assert.Equal(HttpStatusCode.Forbidden, takeover.StatusCode);
        Assert.Equal(["cyd api-key:studio"], await database.QueryAsync("select user_id || ' ' || registered_by from job_registrations"));
        Assert.Equal(["api-key:shop register j rejected"], await database.QueryAsync("select concat_ws(' ', who, action, target, outcome) from audit_log"));
    }

    [Fact]
    public async Task A_key_that_is_given_a_name_keeps_what_it_registered_without_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var unnamed = await StartAsync(database);
        await using var named = await StartNamedAsync(database, ("studio", NextKey), ("studio", Key), ("shop", OtherKey));
        using var before = Client(unnamed, Key);
        using var rotated = Client(named, NextKey);
        using var other = Client(named, OtherKey);

        using var first = await before.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);
        using var takeover = await other.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);
        using var update = await rotated.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "bob" }, Cancel);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden, HttpStatusCode.OK), (first.StatusCode, takeover.StatusCode, update.StatusCode));
        Assert.Equal(["bob api-key:studio"], await database.QueryAsync("select user_id || ' ' || registered_by from job_registrations"));
    }

    [Fact]
    public async Task Another_api_key_is_refused_and_the_first_one_may_update()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        // Reordered: an identity depends on the key, not on its position.
        await using var reordered = await StartAsync(database.ConnectionString, NextKey, Key);
        using var owner = Client(app, Key);
        using var other = Client(app, NextKey);
        using var later = Client(reordered, Key);

        using var first = await owner.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);
        using var takeover = await other.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "eve", email = "eve@example.com" }, Cancel);
        using var update = await later.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada", email = "ada@example.com" }, Cancel);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, update.StatusCode));
        var problem = await AssertProblemAsync(HttpStatusCode.Forbidden, takeover);
        Assert.DoesNotContain("ada", $"{problem}", StringComparison.Ordinal);
        Assert.Equal(["ada ada@example.com"], await database.QueryAsync("select user_id || ' ' || email from job_registrations"));
    }
}
