using System.Net;
using Npgsql;
using Platform.DevStack;

namespace Platform.IntegrationTests;

/// <summary>When a worker reports ready, by role: a rollout proceeds with its first ready pod and removes an old one.</summary>
public sealed class ReadinessTests(ServersFixture servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Roles => ["consume", "notify", "api"];

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task With_a_wrong_database_password_no_role_is_ready(string role)
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        var wrong = new NpgsqlConnectionStringBuilder(platform.ConnectionString) { Password = "wrong" };

        var worker = await StartAsync(platform, role, ("ConnectionStrings__Postgres", wrong.ConnectionString));
        await UntilRejectedAsync(worker, PostgresErrorCodes.InvalidPassword);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), await GetHealthAsync(platform));
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_role_is_ready_once_the_database_has_its_schema_and_stays_ready_in_an_outage(string role)
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        var name = new NpgsqlConnectionStringBuilder(platform.ConnectionString).Database;
        await AdministerAsync($"alter database {name} rename to {name}_later");

        var worker = await StartAsync(platform, role);
        await UntilRejectedAsync(worker, PostgresErrorCodes.InvalidCatalogName);
        var before = await GetHealthAsync(platform);
        await AdministerAsync($"alter database {name}_later rename to {name}");
        await Waiting.UntilAsync($"{role} is ready", async () => (await GetHealthAsync(platform)).Ready is HttpStatusCode.OK, Cancel);
        await AdministerAsync(
            $"alter database {name} allow_connections false",
            $"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), before);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), await GetHealthAsync(platform));
    }

    [Theory]
    [InlineData("notify")]
    [InlineData("api")]
    public async Task A_role_that_does_not_consume_is_ready_without_a_broker(string role)
    {
        await using var platform = await TestPlatform.CreateAsync(servers);

        await StartAsync(platform, role, ("ConnectionStrings__RabbitMq", "amqp://user:hush@127.0.0.1:1/"));

        await Waiting.UntilAsync($"{role} is ready", async () => (await GetHealthAsync(platform)).Ready is HttpStatusCode.OK, Cancel);
    }

    private static Task<ServerProcess> StartAsync(TestPlatform platform, string role, params (string Name, string Value)[] settings) =>
        platform.StartWorkerAsync(waitUntilReady: false, settings.ToDictionary(setting => setting.Name, string? (setting) => setting.Value), roles: role);

    /// <summary>Waits until the worker has queried the database and logged the result.</summary>
    private static Task UntilRejectedAsync(ServerProcess worker, string sqlState) => Waiting.UntilAsync(
        $"the database answers {sqlState}",
        async () => (await File.ReadAllTextAsync(worker.Daemon.LogFile, Cancel)).Contains(sqlState, StringComparison.Ordinal),
        Cancel);

    private static async Task<(HttpStatusCode Ready, HttpStatusCode Live)> GetHealthAsync(TestPlatform platform)
    {
        using var http = new HttpClient { BaseAddress = platform.Workers[0] };
        using var ready = await http.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancel);
        using var live = await http.GetAsync(new Uri("/health/live", UriKind.Relative), Cancel);
        return (ready.StatusCode, live.StatusCode);
    }

    private async Task AdministerAsync(params string[] statements)
    {
        await using var server = NpgsqlDataSource.Create(servers.Servers.Postgres + ";Pooling=false");
        foreach (var statement in statements)
        {
            await using var command = server.CreateCommand(statement);
            await command.ExecuteNonQueryAsync(Cancel);
        }
    }
}
