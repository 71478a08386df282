using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary><c>Processor.Worker retention</c>, as a process without a broker.</summary>
public sealed class RetentionVerbTests(PostgresFixture postgres)
{
    [Fact]
    public async Task It_shows_what_it_would_drop_and_then_drops_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, new RetentionOptions());
        retaining.Time.SetDaysAgo(401);
        await retaining.CommitAsync("video.completed", "j");
        await retaining.QuarantineAsync("{}");

        var shown = await RunAsync(database, "--dry-run");
        var left = await database.QueryAsync("select job_id from webhook_events");
        var dropped = await RunAsync(database);
        var again = await RunAsync(database, "--dry-run");

        Assert.Equal((0, 0, 0), (shown.ExitCode, dropped.ExitCode, again.ExitCode));
        Assert.Equal(
            [
                "would drop 1 of webhook_bodies", "would drop 1 of quarantined_events", "would drop 0 of notifications", "would drop 1 of webhook_events",
                "would drop 0 of delivery_attempts", "would drop 0 of audit_log", "would drop 0 of replays",
                "would drop 0 of publish_periods", "would drop 0 of publish_sources", "would drop 0 of ingress_answers", "would drop 0 of received_numbers", "would drop 0 of retention_runs",
            ],
            Lines(shown.Output, "would drop"));
        Assert.Equal(["j"], left);
        Assert.Equal(
            [
                "dropped 1 of webhook_bodies", "dropped 1 of quarantined_events", "dropped 0 of notifications", "dropped 1 of webhook_events",
                "dropped 0 of delivery_attempts", "dropped 0 of audit_log", "dropped 0 of replays",
                "dropped 0 of publish_periods", "dropped 0 of publish_sources", "dropped 0 of ingress_answers", "dropped 0 of received_numbers",
                "dropped 0 of retention_runs", "dropped 2 of inbox_state", "dropped 5 of all",
            ],
            Lines(dropped.Output, "dropped").Select(line => line.Split(" in ")[0]));
        Assert.All(Lines(again.Output, "would drop"), line => Assert.StartsWith("would drop 0 of ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_does_nothing_and_says_so_while_another_process_runs_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var other = await RetentionSession.OpenAsync(
            database.Sessions, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.True(await other.TryLockAsync(TestContext.Current.CancellationToken));

        var refused = await RunAsync(database);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("retention does nothing: another process is running it.", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_names_what_is_missing()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);

        var refused = await RunAsync(database);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("'Processor.Worker migrate' updates it.", refused.Output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(TestDatabase database, params string[] options)
    {
        var result = await WorkerProcess.RunAsync(
            ["retention", .. options], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={database.ConnectionString}", "DOTNET_ENVIRONMENT=Development");
        return (result.ExitCode, result.Output + result.Error);
    }

    private static IEnumerable<string> Lines(string output, string start) => output.Split('\n').Where(line => line.StartsWith(start, StringComparison.Ordinal));
}
