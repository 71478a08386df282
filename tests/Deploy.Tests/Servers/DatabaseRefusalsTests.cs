using Npgsql;

namespace Deploy.Tests.Servers;

/// <summary>
/// A real database refuses production's roles what they do not need. <c>RoleRightsTests</c> of the worker tests each right on every table;
/// these tests cover the combination of manifests and migration.
/// </summary>
[Collection<OnProductionServers>]
public sealed class DatabaseRefusalsTests(ProductionServers servers)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static MatrixTheoryData<string, string> RolesAndStatements => new(
        ["consume", "notify", "api", "reconcile", "archive"],
        [
            "alter table jobs add column extra text",
            "drop table jobs",
            "truncate webhook_events",
            "delete from webhook_events",
            "delete from jobs",
            "create table another (id integer)",
            "create index on jobs (user_id)",
            "create schema another",
            "create temporary table another (id integer)",
            "alter role current_user connection limit -1",
            "set role migrate",
            "set role SUPERUSER",
        ]);

    [Theory]
    [MemberData(nameof(RolesAndStatements))]
    public async Task No_worker_may_change_the_schema_or_delete_what_was_received(string role, string sql)
    {
        await servers.StartAsync(Cancel);
        var superuser = new NpgsqlConnectionStringBuilder(servers.Superuser).Username;

        Assert.False(await IsAllowedAsync(role, sql.Replace("SUPERUSER", superuser, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("consume", false)]
    [InlineData("notify", false)]
    [InlineData("api", true)]
    [InlineData("reconcile", false)]
    [InlineData("archive", false)]
    public async Task Only_the_api_reads_bodies(string role, bool isAllowed)
    {
        await servers.StartAsync(Cancel);

        Assert.Equal(isAllowed, await IsAllowedAsync(role, "select body from webhook_bodies"));
    }

    [Theory]
    [InlineData("update jobs set status = 'failed'")]
    [InlineData("update job_registrations set webhook_url = 'https://attacker.example'")]
    [InlineData("update notifications set job_id = 'another'")]
    [InlineData("delete from notifications")]
    [InlineData("delete from inbox_state")]
    [InlineData("delete from outbox_message")]
    [InlineData("select fact from webhook_events")]
    [InlineData("select body from quarantined_events")]
    [InlineData("select body from outbox_message")]
    public async Task Who_reaches_the_internet_may_only_write_down_what_became_of_notifications(string sql)
    {
        await servers.StartAsync(Cancel);

        Assert.True(await IsAllowedAsync("notify", "update notifications set status = 'parked', last_error = 'HTTP 410' where false"));
        Assert.False(await IsAllowedAsync("notify", sql));
    }

    [Theory]
    [InlineData("consume", true)]
    [InlineData("notify", false)]
    [InlineData("api", false)]
    [InlineData("reconcile", false)]
    [InlineData("archive", false)]
    public async Task Who_writes_bodies_makes_partitions_all_the_same(string role, bool mayMake)
    {
        await servers.StartAsync(Cancel);

        Assert.Equal(mayMake, await IsAllowedAsync(role, "select create_webhook_bodies_partitions(20)"));
    }

    /// <summary>Whether anything other than a missing right stops the statement; its effects are rolled back.</summary>
    private async Task<bool> IsAllowedAsync(string role, string sql)
    {
        await using var connection = new NpgsqlConnection(servers.DatabaseOf($"processor-worker-{role}"));
        await connection.OpenAsync(Cancel);
        await using var transaction = await connection.BeginTransactionAsync(Cancel);
        try
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(Cancel);
            return true;
        }
        catch (PostgresException exception)
        {
            return exception.SqlState != PostgresErrorCodes.InsufficientPrivilege;
        }
    }
}
