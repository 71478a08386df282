using Microsoft.EntityFrameworkCore;

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
    public async Task Several_may_migrate_at_the_same_time_and_again()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);

        var applied = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ =>
            PostgresFixture.Schema(database.Source).MigrateAsync(TestContext.Current.CancellationToken)));

        Assert.Single(applied, migrations => migrations.Count > 0);
        Assert.True(await PostgresFixture.Schema(database.Source).IsCurrentAsync(TestContext.Current.CancellationToken));
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
}
