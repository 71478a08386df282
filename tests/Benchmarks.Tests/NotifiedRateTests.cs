using Npgsql;
using Platform.Benchmarks.Stage;
using Platform.DevStack;

namespace Platform.Benchmarks.Tests;

public sealed class NotifiedRateTests
{
    [Theory]
    [InlineData(0, double.NaN)]
    [InlineData(1, double.NaN)]
    [InlineData(201, 10.05)]
    public async Task Too_few_owners_have_no_rate(int delivered, double perSecond)
    {
        await using var servers = await TestServers.StartAsync(withBroker: false, TestContext.Current.CancellationToken);
        await using var tables = new BenchTables(servers.Postgres, servers.Postgres);
        await using var notifications = tables.Database.CreateCommand(
            """
            drop table if exists notifications;
            create table notifications (status text, delivered_at timestamptz);
            insert into notifications values ('pending', null);
            """);
        await notifications.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var owners = tables.Database.CreateCommand(
            "insert into notifications select 'delivered', now() + i * interval '0.1 s' from generate_series(1, $1) i");
        owners.Parameters.Add(new NpgsqlParameter<int> { TypedValue = delivered });
        await owners.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        Assert.Equal(perSecond, await tables.ReadNotifiedRateAsync(TestContext.Current.CancellationToken), tolerance: 0.01);
    }
}
