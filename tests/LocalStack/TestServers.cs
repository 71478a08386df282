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

    private const string RabbitMqVariable = "TEST_RABBITMQ";
    private const string PostgresVariable = "TEST_POSTGRES";
    private const string ChoiceVariable = "TEST_SERVERS";

    private readonly List<Func<ValueTask>> _stop = [];

    private TestServers()
    {
    }

    /// <summary>Empty when only a database was asked for.</summary>
    public string RabbitMq { get; private set; } = "";

    public string Postgres { get; private set; } = "";

    /// <summary>What <see cref="StartAsync"/> will use, without starting anything.</summary>
    /// <exception cref="SetupException"><c>TEST_SERVERS</c> asks for containers, and there can be none.</exception>
    public static async Task<TestServerChoice> ChooseAsync(CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(RabbitMqVariable) is not null && Environment.GetEnvironmentVariable(PostgresVariable) is not null)
        {
            return new TestServerChoice(TestServerKind.Given, $"those of {RabbitMqVariable} and {PostgresVariable}");
        }

        var asked = Environment.GetEnvironmentVariable(ChoiceVariable);
        var obstacle = asked == "native"
            ? $"{ChoiceVariable} says so"
            : await DockerEngine.FindObstacleAsync(cancellationToken)
                ?? await DockerEngine.FindImageObstacleAsync([RabbitMqImage, PostgresImage], cancellationToken);
        return obstacle switch
        {
            null => new TestServerChoice(TestServerKind.Containers, $"containers of {RabbitMqImage} and {PostgresImage}"),
            _ when asked == "containers" => throw new SetupException($"{ChoiceVariable} asks for containers, but {obstacle}."),
            _ => new TestServerChoice(TestServerKind.Native, $"private native ones, because {obstacle}"),
        };
    }

    /// <param name="withBroker">Else only a database.</param>
    public static async Task<TestServers> StartAsync(bool withBroker, CancellationToken cancellationToken) =>
        (await ChooseAsync(cancellationToken)).Kind switch
        {
            TestServerKind.Given => new TestServers
            {
                RabbitMq = Environment.GetEnvironmentVariable(RabbitMqVariable)!,
                Postgres = Environment.GetEnvironmentVariable(PostgresVariable)!,
            },
            TestServerKind.Containers => await StartContainersAsync(withBroker, cancellationToken),
            _ => await StartNativeAsync(withBroker, cancellationToken),
        };

    public async ValueTask DisposeAsync()
    {
        foreach (var stop in Enumerable.Reverse(_stop))
        {
            await stop();
        }
    }

    private static async Task<TestServers> StartContainersAsync(bool withBroker, CancellationToken cancellationToken)
    {
        var servers = new TestServers();
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

    private static async Task<TestServers> StartNativeAsync(bool withBroker, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var folder = await TestFolder.CreateAsync(cancellationToken);
        var servers = new TestServers();
        servers._stop.Add(folder.DisposeAsync);

        var postgres = await PostgresServer.StartAsync(
            Path.Combine(folder.Path, "postgres"), isThrowAway: true, folder.Daemons, cancellationToken);
        servers.Postgres = postgres.ConnectionString;
        if (withBroker)
        {
            var broker = await RabbitMqServer.StartAsync(
                Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
            servers.RabbitMq = broker.Uri;
        }

        return servers;
    }
}

/// <param name="Description">For the log of the run.</param>
public sealed record TestServerChoice(TestServerKind Kind, string Description);

/// <summary>Where the servers of a test run come from.</summary>
public enum TestServerKind
{
    /// <summary>They run already; the environment says where.</summary>
    Given,

    /// <summary>Testcontainers starts them.</summary>
    Containers,

    /// <summary>They are started as processes.</summary>
    Native,
}
