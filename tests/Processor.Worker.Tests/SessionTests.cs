using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>What PostgreSQL is told about every session of a worker.</summary>
public sealed class SessionTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("jit", "on", "off")]
    [InlineData("enable_seqscan", "on", "off")]
    [InlineData("lock_timeout", "0", "5s")]
    [InlineData("idle_in_transaction_session_timeout", "0", "10s")]
    public async Task The_servers_default_is_not_taken(string setting, string byDefault, string ours)
    {
        await using var plain = NpgsqlDataSource.Create(postgres.Server);
        await using var services = CreateServices();

        Assert.Equal((byDefault, ours), (await ShowAsync(plain, setting), await ShowAsync(services.GetRequiredService<NpgsqlDataSource>(), setting)));
    }

    [Fact]
    public async Task A_session_is_not_wiped_clean_after_each_transaction()
    {
        await using var services = CreateServices();

        Assert.True(new NpgsqlConnectionStringBuilder(services.GetRequiredService<NpgsqlDataSource>().ConnectionString).NoResetOnClose);
    }

    private ServiceProvider CreateServices()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection([new("ConnectionStrings:Postgres", postgres.Server), new("ConnectionStrings:RabbitMq", "amqp://localhost/")])
            .Build());
        services.AddLogging();
        services.AddPersistence();
        return services.BuildServiceProvider();
    }

    private static async Task<string> ShowAsync(NpgsqlDataSource database, string setting)
    {
        await using var command = database.CreateCommand($"show {setting}");
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
