namespace Processor.Worker.Tests;

/// <summary><c>Processor.Worker rebuild</c>, as a process without a broker.</summary>
public sealed class RebuildVerbTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_check_names_what_differs_without_its_content_and_the_verb_writes_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"a secret name"} }""")));
        await database.ExecuteAsync("update jobs set name = 'another secret name'");

        var check = await RunAsync(database, "--check");
        var one = await RunAsync(database, "--job", "j", "--check");
        var rebuild = await RunAsync(database);
        var again = await RunAsync(database, "--check");

        Assert.Equal((1, 1, 0, 0), (check.ExitCode, one.ExitCode, rebuild.ExitCode, again.ExitCode));
        Assert.Contains("differs  j  name\n", check.Output, StringComparison.Ordinal);
        Assert.Contains("differs  j  name\n", one.Output, StringComparison.Ordinal);
        Assert.Contains("rebuilt  j  name\n", rebuild.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^compared 1 jobs in [0-9.]+ s: 0 differ, 0 kept because their events have expired, 0 unreadable, 0 left$", again.Output);
        Assert.DoesNotContain("secret", check.Output + one.Output + rebuild.Output + again.Output, StringComparison.Ordinal);
        Assert.Equal(["a secret name"], await database.QueryAsync("select name from jobs"));
    }

    [Fact]
    public async Task It_names_what_is_missing()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);

        var refused = await RunAsync(database, "--check");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("'Processor.Worker migrate' updates it.", refused.Output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(TestDatabase database, params string[] options)
    {
        var result = await WorkerProcess.RunAsync(
            ["rebuild", .. options], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={database.ConnectionString}", "DOTNET_ENVIRONMENT=Development");
        return (result.ExitCode, result.Output + result.Error);
    }
}
