using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using Platform.DevStack;

namespace Processor.Worker.Tests;

/// <summary>PgBouncer between the worker and its database: what is not configured for it is refused at start, with instructions.</summary>
public sealed partial class BehindAPoolerTests(PostgresFixture postgres)
{
    private const string Transactions = "pool_mode = transaction";
    private const string Sessions = "pool_mode = session";
    private const string IgnoreOptions = "ignore_startup_parameters = options";

    private const int Registrations = 40;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Transactions)]
    [InlineData(Transactions, IgnoreOptions)]
    [InlineData(Transactions, IgnoreOptions, "default_pool_size = 1")]
    [InlineData(Transactions, IgnoreOptions, "default_pool_size = 4", "server_round_robin = 1")]
    [InlineData("pool_mode = statement", IgnoreOptions)]
    public async Task Migrate_refuses_transaction_pooling_and_leaves_the_database_alone(params string[] settings)
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var folder = await TestFolder.CreateAsync(Cancel);

        var result = await MigrateAsync(await StartAsync(folder, database, settings));

        AssertRefusal(result);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from pg_class where relnamespace = 'public'::regnamespace"));
    }

    [Fact]
    public async Task Transaction_pooling_is_refused_also_when_the_role_has_all_settings()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var refused = await MigrateAsync(await StartAsync(folder, database, Sessions, IgnoreOptions));
        await FollowAsync(database, refused.LastLine);

        var result = await MigrateAsync(await StartAsync(folder, database, Transactions, IgnoreOptions));

        AssertRefusal(result);
    }

    [Fact]
    public async Task Session_pooling_works_once_the_role_has_the_settings_that_the_refusal_names()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var pooled = await StartAsync(folder, database, Sessions, IgnoreOptions);

        var refused = await MigrateAsync(pooled);
        await FollowAsync(database, refused.LastLine);
        // PgBouncer opened its sessions with the database earlier.
        var migrated = await MigrateAsync(await StartAsync(folder, database, Sessions, IgnoreOptions));

        AssertRefusal(refused);
        Assert.Contains("schema: applied", migrated.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_serves_through_session_pooling()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        await FollowAsync(database, (await MigrateAsync(await StartAsync(folder, database, Sessions, IgnoreOptions))).LastLine);
        await using var worker = await ApiProcess.StartAsync(WithoutOptions(await StartAsync(folder, database, Sessions, IgnoreOptions)));

        await RegisterJobsAsync(worker, database);
    }

    [Fact]
    public async Task A_worker_serves_through_transaction_pooling_once_the_role_has_the_settings_that_the_refusal_names()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        string[] settings = ["Database__Pooler=Transaction", $"Database__Direct={database.ConnectionString}"];
        string[] pool = [Transactions, IgnoreOptions, "default_pool_size = 2", "server_round_robin = 1"];
        var refused = await WorkerProcess.RunAsync(
            ["rebuild", "--check"], [WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={WithoutOptions(await StartAsync(folder, database, pool))}", .. settings]);
        Assert.Contains("Give the settings to the role", refused.Error, StringComparison.Ordinal);
        await FollowAsync(database, refused.Error);
        await using var worker = await ApiProcess.StartAsync(WithoutOptions(await StartAsync(folder, database, pool)), settings);

        await RegisterJobsAsync(worker, database);
        var listed = await worker.Http.GetFromJsonAsync<JsonElement>("/ops/jobs?limit=50", Cancel);

        Assert.Equal(Registrations, listed.GetProperty("items").GetArrayLength());
        Assert.DoesNotContain("enable_seqscan", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Migrate_bypasses_the_pooler_of_transactions()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var pooled = await StartAsync(folder, database, Transactions);

        var result = await WorkerProcess.RunAsync(
            ["migrate"],
            WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={pooled}", "Database__Pooler=Transaction", $"Database__Direct={database.ConnectionString}");

        Assert.Contains("schema: applied", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("consume")]
    [InlineData("notify")]
    [InlineData("api")]
    public async Task A_worker_ends_with_one_line(string role)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var pooled = await StartAsync(folder, database, Transactions, IgnoreOptions);

        var result = await WorkerProcess.RunAsync(["--roles", role], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={pooled}");

        Assert.Equal(1, result.ExitCode);
        Assert.Single(result.Output.Split('\n'), line => line.Contains("PgBouncer", StringComparison.Ordinal));
        Assert.DoesNotContain("Waiting for the database", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Database__Pooler=Transaction")]
    [InlineData("Database__Direct=Host=localhost")]
    public async Task Each_of_the_two_settings_needs_the_other(string setting)
    {
        var result = await WorkerProcess.RunAsync([], WorkerProcess.NoBroker, "ConnectionStrings__Postgres=Host=localhost", setting);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Database__Direct: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Release_refuses_it_too()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var pooled = await StartAsync(folder, database, Transactions, IgnoreOptions);

        var result = await WorkerProcess.RunAsync(
            ["release", "--quarantined"], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={pooled}");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("PgBouncer", result.Error, StringComparison.Ordinal);
    }

    /// <summary>Executes statements more often than it takes to prepare them, over several connections.</summary>
    private static async Task RegisterJobsAsync(ApiProcess worker, TestDatabase database)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, Registrations).Select(async i =>
        {
            using var answer = await worker.Http.PutAsJsonAsync($"/jobs/job-{i}", new { resource = "video", userId = "ada" }, Cancel);
            return answer.StatusCode;
        }));

        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal([$"{Registrations}"], await database.QueryAsync("select count(*) from jobs"));
    }

    private static void AssertRefusal(ProgramResult result)
    {
        Assert.Equal(1, result.ExitCode);
        var line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("migrate failed: ", line, StringComparison.Ordinal);
        Assert.All(
            ["PgBouncer", "Database__Pooler=Transaction", "connect directly", "pool_mode = session"],
            words => Assert.Contains(words, line, StringComparison.Ordinal));
    }

    private static async Task<string> StartAsync(TestFolder folder, TestDatabase database, params string[] settings) => (await PgBouncerServer.StartAsync(
        Path.Combine(folder.Path, $"{Guid.NewGuid():N}"), folder.Daemons, database.ConnectionString, Cancel, settings)).ConnectionString;

    private static Task<ProgramResult> MigrateAsync(string connectionString) =>
        WorkerProcess.RunAsync(["migrate"], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={WithoutOptions(connectionString)}");

    // An operator's connection string has no options.
    private static string WithoutOptions(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Options = null }.ConnectionString;

    /// <summary>Follows the instructions of a refusal.</summary>
    private static Task FollowAsync(TestDatabase database, string refusal) =>
        database.ExecuteAsync(string.Join(' ', Statements().Matches(refusal).Select(match => match.Value)));

    [GeneratedRegex("alter role [^;]+;")]
    private static partial Regex Statements();
}
