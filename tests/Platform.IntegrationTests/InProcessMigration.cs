using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Processor.Worker.Broker;
using Processor.Worker.Hosting;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Platform.IntegrationTests;

/// <summary>The verb <c>migrate</c> in the process of the tests: most of them need what it leaves, and another process costs seconds.</summary>
internal static class InProcessMigration
{
    public static async Task RunAsync(string rabbitMq, string postgres, CancellationToken cancellationToken)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:RabbitMq"] = rabbitMq,
            ["ConnectionStrings:Postgres"] = postgres,
        }).Build();
        await using var services = new ServiceCollection()
            .AddSingleton<IConfiguration>(configuration)
            .AddSingleton(TimeProvider.System)
            .AddLogging()
            .AddPersistence()
            .AddBroker()
            .AddMigrate()
            .BuildServiceProvider();
        Assert.Equal(0, await MigrateCommand.RunAsync(services, TextWriter.Null, cancellationToken));
    }
}
