using System.Text;
using Testcontainers.PostgreSql;
using Testcontainers.RabbitMq;

namespace Platform.LocalStack;

/// <summary>
/// A broker and a database for tests: those named by <c>TEST_RABBITMQ</c> and <c>TEST_POSTGRES</c>, else containers where an engine
/// answers and has the images, else private native servers. <c>TEST_SERVERS</c> = <c>containers</c> or <c>native</c> chooses.
/// </summary>
public sealed class TestServers : IAsyncDisposable
{
    // As in docker-compose.yml.
    private const string RabbitMqImage = "rabbitmq:4.2-management";
    private const string PostgresImage = "postgres:17-alpine";

    private readonly List<Func<ValueTask>> _stop = [];

    private TestServers(string description) => Description = description;

    /// <summary>Which servers these are, for the log of the run.</summary>
    public string Description { get; }

    /// <summary>Empty when only a database was asked for.</summary>
    public string RabbitMq { get; private set; } = "";

    public string Postgres { get; private set; } = "";

    public static async Task<TestServers> StartAsync(bool withBroker, CancellationToken cancellationToken)
    {
        var rabbitMq = Environment.GetEnvironmentVariable("TEST_RABBITMQ");
        var postgres = Environment.GetEnvironmentVariable("TEST_POSTGRES");
        if (postgres is not null && (rabbitMq is not null || !withBroker))
        {
            return new TestServers("those of TEST_RABBITMQ and TEST_POSTGRES") { RabbitMq = rabbitMq ?? "", Postgres = postgres };
        }

        var choice = Environment.GetEnvironmentVariable("TEST_SERVERS");
        var obstacle = choice == "native" ? "TEST_SERVERS says so" : await FindContainerObstacleAsync(cancellationToken);
        if (choice == "containers" && obstacle is not null)
        {
            throw new SetupException($"TEST_SERVERS asks for containers, but {obstacle}.");
        }

        return obstacle is null
            ? await StartContainersAsync(withBroker, cancellationToken)
            : await StartNativeAsync(obstacle, withBroker, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stop in Enumerable.Reverse(_stop))
        {
            await stop();
        }
    }

    private static async Task<string?> FindContainerObstacleAsync(CancellationToken cancellationToken) =>
        await DockerEngine.FindObstacleAsync(cancellationToken)
        ?? await DockerEngine.FindImageObstacleAsync([RabbitMqImage, PostgresImage], cancellationToken);

    private static async Task<TestServers> StartContainersAsync(bool withBroker, CancellationToken cancellationToken)
    {
        var servers = new TestServers($"containers of {RabbitMqImage} and {PostgresImage}");
        var postgres = new PostgreSqlBuilder(PostgresImage).Build();
        servers._stop.Add(postgres.DisposeAsync);
        await postgres.StartAsync(cancellationToken);
        servers.Postgres = postgres.GetConnectionString();
        if (withBroker)
        {
            var rabbitMq = new RabbitMqBuilder(RabbitMqImage)
                .WithResourceMapping(Encoding.UTF8.GetBytes(RabbitMqServer.AdvancedConfiguration), "/etc/rabbitmq/advanced.config")
                .Build();
            servers._stop.Add(rabbitMq.DisposeAsync);
            await rabbitMq.StartAsync(cancellationToken);
            servers.RabbitMq = rabbitMq.GetConnectionString();
        }

        return servers;
    }

    private static async Task<TestServers> StartNativeAsync(string obstacle, bool withBroker, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var folder = await TestFolder.CreateAsync(cancellationToken);
        var servers = new TestServers($"private native ones, because {obstacle}");
        servers._stop.Add(folder.DisposeAsync);

        servers.Postgres = await PostgresServer.StartAsync(
            Path.Combine(folder.Path, "postgres"), isThrowAway: true, folder.Daemons, cancellationToken);
        if (withBroker)
        {
            var broker = await RabbitMqServer.StartAsync(
                Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
            servers.RabbitMq = broker.Uri;
        }

        return servers;
    }
}
