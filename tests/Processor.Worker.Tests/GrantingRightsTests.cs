using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>How <c>migrate</c> grants each role its rights: repeatable, and on installations of any age.</summary>
public sealed class GrantingRightsTests(PostgresFixture postgres)
{
    private const string AllRights =
        """
        select role.rolname || ' ' || relation.relname || ' ' || privilege.privilege_type
        from pg_class as relation
        cross join lateral aclexplode(relation.relacl) as privilege
        join pg_roles as role on role.oid = privilege.grantee
        where relation.relnamespace = 'public'::regnamespace and privilege.grantee <> relation.relowner order by 1
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rights_are_the_same_however_often_and_by_how_many_they_are_granted()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var once = await logins.Owner.QueryAsync(AllRights);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => logins.GrantAsync()));

        Assert.NotEmpty(once);
        Assert.Equal(once, await logins.Owner.QueryAsync(AllRights));
    }

    [Fact]
    public async Task A_worker_waits_for_its_rights_as_it_does_for_the_schema()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres, areGranted: false);
        await logins.Owner.ExecuteAsync($"grant connect on database {logins.Owner.Name} to {logins.NameOf("notify")}");
        var schema = PostgresFixture.Schema(logins.Notify.Source);

        Assert.False(await schema.IsCurrentAsync(Cancel));
        await logins.GrantAsync();
        Assert.True(await schema.IsCurrentAsync(Cancel));
    }

    [Fact]
    public async Task A_right_that_a_role_should_not_have_is_revoked()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var notify = logins.NameOf("notify");
        var expected = await logins.Owner.QueryAsync(AllRights);
        await logins.Owner.ExecuteAsync(
            $"""
            grant delete, truncate on jobs to {notify};
            grant update (email) on job_registrations to {notify};
            grant usage on all sequences in schema public to {notify};
            grant execute on function create_webhook_bodies_partitions(integer) to {notify};
            grant select on webhook_bodies_default to {notify};
            """);

        await logins.GrantAsync();

        Assert.Equal(expected, await logins.Owner.QueryAsync(AllRights));
        foreach (var sql in new[] { "update job_registrations set email = ''", "select create_webhook_bodies_partitions(1)" })
        {
            var refusal = await Assert.ThrowsAsync<PostgresException>(() => logins.Notify.ExecuteAsync(sql));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
        }
    }

    [Fact]
    public async Task Workers_with_an_older_login_go_on()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres, areGranted: false);
        // An installation from before roles existed: one login for all workers, which others may still use.
        var shared = logins.NameOf("api");
        await logins.Owner.ExecuteAsync(
            $"""
            grant connect on database {logins.Owner.Name} to {shared};
            grant select, insert, update, delete on all tables in schema public to {shared};
            alter default privileges in schema public grant select, insert, update, delete on tables to {shared};
            """);

        await logins.GrantAsync(new DatabaseRoleOptions { Consume = logins.NameOf("consume"), Notify = logins.NameOf("notify") });
        await logins.Consume.ExecuteAsync("select create_webhook_bodies_partitions(20)");

        await logins.Api.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "by-the-old", DateTimeOffset.UtcNow.AddDays(19))));
        await logins.Consume.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "by-the-new", DateTimeOffset.UtcNow.AddDays(19))));
        Assert.Equal(["2"], await logins.Owner.QueryAsync("select count(*) from webhook_events"));
        await logins.Owner.ExecuteAsync($"drop owned by {shared}");
    }

    [Fact]
    public async Task Two_roles_may_share_a_login_which_then_has_the_rights_of_both()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres, areGranted: false);
        var shared = logins.NameOf("notify");

        await logins.GrantAsync(new DatabaseRoleOptions { Consume = shared, Notify = shared, Api = shared });

        using var harness = new NotificationHarness(logins.Notify);
        await logins.Notify.EndAsync("j", "https://example.com");
        await harness.TurnToNextAttemptAsync();
        Assert.Single(await harness.Queue.ClaimAsync("webhook", 10, TimeSpan.FromMinutes(1), Cancel));
    }

    [Fact]
    public async Task An_older_version_leaves_the_rights_of_a_newer_one_alone()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.ExecuteAsync(
            $"""
            insert into "__EFMigrationsHistory" values ('29991231235959_Newer', '10.0.0');
            create table newer (id integer);
            grant select on newer to {logins.NameOf("notify")};
            """);

        var said = await logins.GrantAsync();

        Assert.Contains("newer version", said, StringComparison.Ordinal);
        await logins.Notify.ExecuteAsync("select id from newer");
    }

    [Fact]
    public async Task An_owner_who_is_no_superuser_grants_and_leaves_alone_what_belongs_to_someone_else()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres, areGranted: false);
        await using var empty = await postgres.CreateDatabaseAsync(isMigrated: false);
        var (owner, other, notify) = (logins.NameOf("consume"), logins.NameOf("api"), logins.NameOf("notify"));
        await empty.ExecuteAsync(
            $"""
            alter database {empty.Name} owner to {owner};
            revoke all on database {empty.Name} from public;
            revoke all on schema public from public;
            create table others (id integer);
            alter table others owner to {other};
            grant select on others to {notify};
            """);
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(logins.Consume.ConnectionString) { Database = empty.Name });

        await PostgresFixture.Schema(source).MigrateAsync(Cancel);
        await new DatabaseRights(source, Options.Create(new DatabaseRoleOptions { Notify = notify })).GrantAsync(Cancel);

        await empty.ExecuteAsync($"set role {notify}; select id from others; select status from jobs; reset role");
        Assert.Equal(["True"], await empty.QueryAsync($"select has_database_privilege('{notify}', current_database(), 'connect')"));
    }

    [Fact]
    public async Task A_role_that_is_missing_or_owns_the_schema_is_refused_and_nothing_changes()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var before = await logins.Owner.QueryAsync(AllRights);
        var owner = new NpgsqlConnectionStringBuilder(logins.Owner.ConnectionString).Username!;

        var missing = await Assert.ThrowsAsync<UnusableRoleException>(
            () => logins.GrantAsync(new DatabaseRoleOptions { Notify = logins.NameOf("notify"), Api = "worker_of_nobody" }));
        var tooMuch = await Assert.ThrowsAsync<UnusableRoleException>(() => logins.GrantAsync(new DatabaseRoleOptions { Consume = owner }));

        Assert.Contains("no role worker_of_nobody (DatabaseRoles__Api); create it", missing.Message, StringComparison.Ordinal);
        Assert.Contains($"The role {owner} (DatabaseRoles__Consume) may do whatever the owner", tooMuch.Message, StringComparison.Ordinal);
        Assert.Equal(before, await logins.Owner.QueryAsync(AllRights));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Worker")]
    [InlineData("worker; drop table jobs")]
    [InlineData("worker\"")]
    [InlineData("public")]
    [InlineData("pg_read_all_data")]
    [InlineData("a234567890123456789012345678901234567890123456789012345678901234")]
    public async Task A_name_that_needs_quotes_or_is_PostgreSQLs_own_is_refused(string name)
    {
        var result = await WorkerProcess.RunAsync(
            ["migrate"], WorkerProcess.NoBroker, "ConnectionStrings__Postgres=Host=127.0.0.1;Port=1", $"DatabaseRoles__Notify={name}");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("DatabaseRoles__Notify: must be the name of a database role", result.Error, StringComparison.Ordinal);
    }
}
