using System.Reflection;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

public sealed class MigratingTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_migrations_make_the_model()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var context = database.OpenContext();

        Assert.False(context.Database.HasPendingModelChanges());
        Assert.Empty(await context.Database.GetPendingMigrationsAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_bus_that_neither_starts_nor_stops_is_replaced_twice_and_then_given_up()
    {
        var time = new FakeTimeProvider();
        var buses = 0;

        var deploying = MigrateCommand.DeployAsync(
            () =>
            {
                buses++;
                return DispatchProxy.Create<IBusControl, HangingBus>();
            },
            TimeSpan.FromSeconds(20), time, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal((1, false), (buses, deploying.IsCompleted));
        await Waiting.UntilAsync(
            "all attempts to end",
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(10));
                return Task.FromResult(deploying.IsCompleted);
            },
            TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<TimeoutException>(() => deploying);
        Assert.Equal(3, buses);
    }

    [Fact]
    public async Task Several_may_migrate_at_the_same_time_and_again()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);

        var applied = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ =>
            PostgresFixture.Schema(database.Source).MigrateAsync(TestContext.Current.CancellationToken)));

        Assert.Single(applied, migrations => migrations.Count > 0);
        Assert.True(await PostgresFixture.Schema(database.Source).IsCurrentAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_migration_waits_for_another_longer_than_a_command_may_take()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var impatient = WithCommandTimeout(database, seconds: 1);
        await using var other = await database.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await other.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var @lock = new NpgsqlCommand("select pg_advisory_xact_lock(hashtext('processor-worker migrate'))", other);
        await @lock.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var migration = PostgresFixture.Schema(impatient).MigrateAsync(TestContext.Current.CancellationToken);
        await Waiting.UntilAsync(
            "it has waited for three seconds",
            async () => migration.IsCompleted || await database.QueryAsync(
                "select count(*) from pg_stat_activity where datname = current_database() and query like 'set local idle_in_transaction%' and now() - xact_start > '3 s'")
                is ["1"],
            TestContext.Current.CancellationToken);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        Assert.NotEmpty(await migration);
    }

    [Fact]
    public async Task A_migration_may_take_longer_than_a_command()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var impatient = WithCommandTimeout(database, seconds: 1);
        // Simulates the index build of a large table.
        await database.ExecuteAsync(
            """
            create function slow() returns event_trigger language plpgsql as 'begin perform pg_sleep(1.5); end';
            create event trigger slow on ddl_command_start when tag in ('CREATE FUNCTION') execute function slow();
            """);

        Assert.NotEmpty(await PostgresFixture.Schema(impatient).MigrateAsync(TestContext.Current.CancellationToken));
    }

    // As in compose: in Development the host verifies that every registered service can be constructed.
    [Theory]
    [InlineData("migrate")]
    [InlineData("release", "--error")]
    public async Task A_verb_runs_in_Development_too(params string[] verb)
    {
        var result = await WorkerProcess.RunAsync(
            verb, WorkerProcess.NoBroker, "ConnectionStrings__Postgres=Host=127.0.0.1;Port=1;Username=user;Password=hush", "DOTNET_ENVIRONMENT=Development");

        Assert.StartsWith($"{verb[0]} failed: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_has_every_pending_migration_as_a_script_and_applies_none()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await using var migrated = await postgres.CreateDatabaseAsync();
        var contexts = new PostgresFixture.ContextFactory(database.Source);

        var plan = await MigrationPlan.ReadAsync(database.Source, contexts, TestContext.Current.CancellationToken);
        var nothing = await MigrationPlan.ReadAsync(migrated.Source, contexts, TestContext.Current.CancellationToken);

        Assert.Empty(nothing);
        Assert.Equal("20261123110308_Initial", plan[0].Id);
        Assert.Empty(await database.QueryAsync("select relname from pg_class where relnamespace = 'public'::regnamespace"));
        // What it shows is what migrate does, after it has created the history.
        await database.ExecuteAsync("""create table "__EFMigrationsHistory" ("MigrationId" text primary key, "ProductVersion" text)""");
        foreach (var statement in plan.SelectMany(migration => migration.Statements))
        {
            await database.ExecuteAsync(statement);
        }

        const string columns = "select table_name || '.' || column_name || ' ' || data_type from information_schema.columns where table_schema = 'public' and table_name not like '%History' and table_name !~ '_[0-9]{8}$' order by 1";
        Assert.Equal(await migrated.QueryAsync(columns), await database.QueryAsync(columns));
    }

    [Fact]
    public async Task An_empty_database_is_not_current()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);

        Assert.False(await PostgresFixture.Schema(database.Source).IsCurrentAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Bodies_fall_into_the_partition_of_their_day_and_others_into_the_default_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        // The database may have been migrated before midnight.
        await PostgresFixture.Schema(database.Source).CreatePartitionsAsync(TestContext.Current.CancellationToken);
        var today = DateTimeOffset.UtcNow;

        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "today", today)),
            Deliveries.Unit(Deliveries.Event("video.started", "in two weeks", today.AddDays(14))),
            Deliveries.Unit(Deliveries.Event("video.started", "long ago", today.AddYears(-1))));

        Assert.Equal(
            [$"webhook_bodies_{today:yyyyMMdd}", $"webhook_bodies_{today.AddDays(14):yyyyMMdd}", "webhook_bodies_default"],
            await database.QueryAsync("select tableoid::regclass::text from webhook_bodies order by tableoid::regclass::text"));
    }

    [Fact]
    public async Task A_day_that_is_in_the_default_partition_already_stays_there()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var later = DateTimeOffset.UtcNow.AddDays(20);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "later", later)));

        await database.ExecuteAsync("select create_webhook_bodies_partitions(21)");

        Assert.Equal(["webhook_bodies_default"], await database.QueryAsync("select tableoid::regclass::text from webhook_bodies"));
        Assert.Equal(["webhook_bodies_" + later.AddDays(1).ToString("yyyyMMdd")], await database.QueryAsync(
            $"select relname from pg_class where relname in ('webhook_bodies_{later:yyyyMMdd}', 'webhook_bodies_{later.AddDays(1):yyyyMMdd}')"));
    }

    [Fact]
    public async Task A_function_that_runs_as_its_owner_looks_for_temporary_tables_last()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        var settings = await database.QueryAsync(
            "select array_to_string(proconfig, ';') from pg_proc where prosecdef and pronamespace = 'public'::regnamespace");

        Assert.NotEmpty(settings);
        Assert.All(settings, setting => Assert.Contains("search_path=public, pg_temp", setting, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_temporary_table_of_the_caller_hides_no_partition()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var today = $"webhook_bodies_{DateTimeOffset.UtcNow:yyyyMMdd}";
        await database.ExecuteAsync($"drop table {today}");
        await using var connection = await database.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"create temporary table {today} (); select create_webhook_bodies_partitions(1)", connection);

        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["webhook_bodies"], await database.QueryAsync($"select inhparent::regclass::text from pg_inherits where inhrelid = 'public.{today}'::regclass"));
    }

    [Theory]
    [InlineData("SQL_ASCII")]
    [InlineData("LATIN1")]
    public async Task A_database_that_is_not_UTF8_is_rejected_and_what_to_do_is_said(string encoding)
    {
        await using var database = await postgres.CreateDatabaseAsync(encoding);

        var result = await WorkerProcess.RunAsync(
            ["migrate"], WorkerProcess.NoBroker, $"ConnectionStrings__Postgres={database.ConnectionString}");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"encoding {encoding}", result.LastLine, StringComparison.Ordinal);
        Assert.Contains("encoding 'UTF8' locale 'C' template template0", result.LastLine, StringComparison.Ordinal);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from pg_class where relnamespace = 'public'::regnamespace"));
    }

    [Theory]
    [InlineData("61")]
    [InlineData("-1")]
    [InlineData("1000000")]
    [InlineData("null")]
    public async Task No_more_partitions_are_made_than_for_sixty_days(string days)
    {
        await using var database = await postgres.CreateDatabaseAsync();

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync($"select create_webhook_bodies_partitions({days})"));

        Assert.Equal(PostgresErrorCodes.InvalidParameterValue, refusal.SqlState);
    }

    [Fact]
    public async Task Partitions_are_made_by_those_who_may_write_bodies_and_by_no_one_else()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        var (writer, reader) = ($"writer \"{Guid.NewGuid():N}", $"reader-{Guid.NewGuid():N}");
        var (quotedWriter, quotedReader) = ($"\"{writer.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", $"\"{reader}\"");
        await database.ExecuteAsync(
            $"""
            create role {quotedWriter};
            create role {quotedReader};
            alter default privileges in schema public grant select, insert on tables to {quotedWriter};
            alter default privileges in schema public grant select on tables to {quotedReader};
            """);
        await PostgresFixture.Schema(database.Source).MigrateAsync(TestContext.Current.CancellationToken);

        await database.ExecuteAsync($"set role {quotedWriter}; select create_webhook_bodies_partitions(1); reset role");
        var refusal = await Assert.ThrowsAsync<PostgresException>(
            () => database.ExecuteAsync($"set role {quotedReader}; select create_webhook_bodies_partitions(1)"));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
    }

    private static NpgsqlDataSource WithCommandTimeout(TestDatabase database, int seconds) =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.ConnectionString) { CommandTimeout = seconds });
}

/// <summary>Its tasks never complete.</summary>
public class HangingBus : DispatchProxy
{
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.ReturnType switch
    {
        { IsGenericType: true } type => typeof(TaskCompletionSource<>).MakeGenericType(type.GetGenericArguments()) is var source
            ? source.GetProperty("Task")!.GetValue(Activator.CreateInstance(source))
            : null,
        _ => new TaskCompletionSource().Task,
    };
}
