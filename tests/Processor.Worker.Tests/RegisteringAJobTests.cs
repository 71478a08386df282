using Platform.Contracts;
using Processor.Worker.Owners;
using Processor.Worker.Registration;

namespace Processor.Worker.Tests;

/// <summary>The registration of a job arrives before, between or after its events.</summary>
public sealed class RegisteringAJobTests(PostgresFixture postgres)
{
    private const string Job =
        """
        select concat_ws(' ', status, resource, user_id, created_at at time zone 'utc', started_at at time zone 'utc',
                         completed_at at time zone 'utc', updated_at at time zone 'utc', name) from jobs
        """;

    [Fact]
    public async Task A_job_without_an_event_is_queued()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await database.RegisterAsync(Owners.Register("j"));

        Assert.Equal(["queued video ada"], await database.QueryAsync("select status || ' ' || resource || ' ' || user_id from jobs"));
        Assert.Empty(await database.NotificationsAsync());
    }

    [Theory]
    [InlineData("rsc")]
    [InlineData("srcu")]
    [InlineData("scr")]
    [InlineData("csr")]
    [InlineData("crs")]
    [InlineData("rcs")]
    [InlineData("rurscs")]
    public async Task Whatever_the_order_the_job_is_the_same_and_its_owner_is_notified_once(string order)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        foreach (var step in order)
        {
            await (step switch
            {
                'r' => database.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com/", at: Deliveries.Noon.AddSeconds(-1))),
                'u' => database.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com/new", at: Deliveries.Noon.AddSeconds(-1))),
                's' => database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j"))),
                _ => (Task)database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j", Deliveries.Noon.AddSeconds(2)))),
            });
        }

        Assert.Equal(
            ["completed video ada 2026-11-23 11:59:59 2026-11-23 12:00:00 2026-11-23 12:00:02 2026-11-23 12:00:02"],
            await database.QueryAsync(Job));
        Assert.Equal(["completed email pending", "completed webhook pending"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task Registered_at_the_moment_the_job_ends_the_owner_is_notified_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        for (var round = 0; round < 40; round++)
        {
            var jobId = $"job-{round}";
            await Task.WhenAll(
                database.RegisterAsync(Owners.Register(jobId)),
                database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", jobId))),
                database.RegisterAsync(Owners.Register(jobId)));
        }

        Assert.Equal(["40"], await database.QueryAsync("select count(*) from notifications where status = 'pending'"));
        Assert.Equal(["40"], await database.QueryAsync("select count(*) from jobs where status = 'completed' and user_id = 'ada'"));
    }

    [Fact]
    public async Task The_newest_registration_wins_whenever_it_arrives()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var newest = Owners.Register("j", email: "new@example.com", userId: "bob", at: Deliveries.Noon.AddSeconds(2));

        Assert.Equal(RegistrationOutcome.Saved, await database.RegisterAsync(Owners.Register("j")));
        Assert.Equal(RegistrationOutcome.Saved, await database.RegisterAsync(newest));
        Assert.Equal(RegistrationOutcome.Outdated, await database.RegisterAsync(Owners.Register("j", at: Deliveries.Noon.AddSeconds(1))));

        Assert.Equal(["bob new@example.com"], await database.QueryAsync("select user_id || ' ' || email from job_registrations"));
        Assert.Equal(["bob"], await database.QueryAsync("select user_id from jobs"));
    }

    [Fact]
    public async Task A_clock_that_is_ahead_does_not_win_permanently()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await database.RegisterAsync(Owners.Register("j", at: TimeProvider.System.GetUtcNow().AddDays(1)));

        Assert.Equal(
            RegistrationOutcome.Saved, await database.RegisterAsync(Owners.Register("j", userId: "bob", at: TimeProvider.System.GetUtcNow())));
        Assert.Equal(["bob"], await database.QueryAsync("select user_id from jobs"));
    }

    [Fact]
    public async Task Without_an_address_no_one_is_notified_until_one_is_registered()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j", email: null));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        Assert.Empty(await database.NotificationsAsync());

        await database.RegisterAsync(Owners.Register("j", at: Deliveries.Noon.AddSeconds(1)));

        Assert.Equal(["failed email pending"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task Of_a_job_that_failed_and_then_completed_only_the_completion_is_notified()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.errored", "j")), Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        await database.RegisterAsync(Owners.Register("j"));

        Assert.Equal(["completed email pending"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task After_the_completion_nothing_more_is_decided()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "j")), Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        Assert.Equal(["completed email pending"], await database.NotificationsAsync());
    }

    [Theory]
    [InlineData("jobId", "")]
    [InlineData("jobId", "a\nb")]
    [InlineData("resource", "music")]
    [InlineData("userId", "")]
    [InlineData("userId", "a\0b")]
    [InlineData("email", "")]
    [InlineData("email", "nobody")]
    [InlineData("email", "a@example.com, b@example.com")]
    [InlineData("email", "Ada <a@example.com>")]
    [InlineData("email", "root@localhost")]
    [InlineData("email", "root@mail.localhost")]
    [InlineData("email", "a@intranet")]
    [InlineData("email", "a@[10.0.0.5]")]
    [InlineData("email", "a@[IPv6:::1]")]
    [InlineData("email", "a@10.0.0.5")]
    [InlineData("email", "a\u202Eb@example.com")]
    [InlineData("email", "a@exa\u2066mple.com")]
    [InlineData("webhookUrl", "https://example.com/\u202Eskooh")]
    [InlineData("email", "a@example.com\r\nBcc: b@example.com")]
    [InlineData("webhookUrl", "")]
    [InlineData("webhookUrl", "/hooks")]
    [InlineData("webhookUrl", "ftp://example.com/")]
    [InlineData("webhookUrl", "https://user:password@example.com/")]
    [InlineData("webhookUrl", "https://example.com/\r\nX: y")]
    public void What_breaks_the_rules_is_named_and_not_repeated(string property, string value)
    {
        var good = Owners.Register("j", webhookUrl: "http://[::1]:8080/hooks?a=b");
        Assert.Empty(RegistrationRules.FindErrors(good));

        var errors = RegistrationRules.FindErrors(property switch
        {
            "jobId" => good with { JobId = value },
            "resource" => good with { Resource = value },
            "userId" => good with { UserId = value },
            "email" => good with { Email = value },
            _ => good with { WebhookUrl = value },
        });

        Assert.Equal(property, Assert.Single(errors).Key);
        Assert.All(errors.Values, rules => Assert.DoesNotContain(value.Length > 4 ? value : "none of these", rules[0], StringComparison.Ordinal));
    }

    [Fact]
    public void A_time_that_was_not_set_is_rejected()
    {
        var errors = RegistrationRules.FindErrors(Owners.Register("j", at: default(DateTimeOffset)));

        Assert.Equal("registeredAt", Assert.Single(errors).Key);
    }

    [Fact]
    public void Lengths_are_bounded()
    {
        var good = Owners.Register(new string('j', 200));
        RegisterJob[] tooLong =
        [
            good with { JobId = new string('j', 201) },
            good with { UserId = new string('u', 201) },
            good with { Email = $"{new string('e', 250)}@e.example" },
            good with { WebhookUrl = $"https://example.com/{new string('u', 2048)}" },
        ];

        Assert.Empty(RegistrationRules.FindErrors(good));
        Assert.All(tooLong, registration => Assert.Single(RegistrationRules.FindErrors(registration)));
    }
}
