using System.Text;
using Testcontainers.PostgreSql;
using Testcontainers.RabbitMq;

namespace Platform.LocalStack;

/// <summary>
/// A broker and a database for tests. Each is the one that <c>TEST_RABBITMQ</c> or <c>TEST_POSTGRES</c> names, else a container where
/// an engine answers and has the images, else a private native server. <c>TEST_SERVERS</c> = <c>containers</c> or <c>native</c> chooses.
/// </summary>
public sealed class TestServers : IAsyncDisposable
{
    // As in docker-compose.yml, and of the releases that deploy/k8s has: a test compares them.
    public const string RabbitMqImage = "rabbitmq:4.2-management";
    public const string PostgresImage = "postgres:17-alpine";

    private const string RabbitMqVariable = "TEST_RABBITMQ";
    private const string PostgresVariable = "TEST_POSTGRES";
    private const string ChoiceVariable = "TEST_SERVERS";

    private readonly List<Func<ValueTask>> _stop = [];

    private TestServers()
    {
    }

    /// <summary>Empty when only a database was asked for.</summary>
    public string RabbitMq { get; private set; } = Given(RabbitMqVariable);

    public string Postgres { get; private set; } = Given(PostgresVariable);

    /// <summary>What <see cref="StartAsync"/> will use, without starting anything.</summary>
    /// <exception cref="SetupException"><c>TEST_SERVERS</c> asks for containers, and there can be none.</exception>
    public static async Task<TestServerChoice> ChooseAsync(CancellationToken cancellationToken)
    {
        string[] given = [.. new[] { RabbitMqVariable, PostgresVariable }.Where(variable => Given(variable) != "")];
        if (given.Length == 2)
        {
            return new TestServerChoice(TestServerKind.Given, $"those of {RabbitMqVariable} and {PostgresVariable}");
        }

        var asked = Environment.GetEnvironmentVariable(ChoiceVariable);
        var obstacle = asked == "native"
            ? $"{ChoiceVariable} says so"
            : await DockerEngine.FindObstacleAsync(cancellationToken)
                ?? await DockerEngine.FindImageObstacleAsync([RabbitMqImage, PostgresImage], cancellationToken);
        var prefix = given.Length == 1 ? $"that of {given[0]}, else " : "";
        return obstacle switch
        {
            null => new TestServerChoice(TestServerKind.Containers, $"{prefix}containers of {RabbitMqImage} and {PostgresImage}"),
            _ when asked == "containers" => throw new SetupException($"{ChoiceVariable} asks for containers, but {obstacle}."),
            _ => new TestServerChoice(TestServerKind.Native, $"{prefix}private native ones, because {obstacle}"),
        };
    }

    /// <param name="withBroker">Else only a database.</param>
    public static async Task<TestServers> StartAsync(bool withBroker, CancellationToken cancellationToken)
    {
        var servers = new TestServers();
        var needsPostgres = servers.Postgres == "";
        var needsBroker = withBroker && servers.RabbitMq == "";
        if (!needsPostgres && !needsBroker)
        {
            return servers;
        }

        if ((await ChooseAsync(cancellationToken)).Kind is TestServerKind.Containers)
        {
            await servers.AddContainersAsync(needsPostgres, needsBroker, cancellationToken);
        }
        else
        {
            await servers.AddNativeAsync(needsPostgres, needsBroker, cancellationToken);
        }

        return servers;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stop in Enumerable.Reverse(_stop))
        {
            await stop();
        }
    }

    private static string Given(string variable) => Environment.GetEnvironmentVariable(variable) ?? "";

    private async Task AddContainersAsync(bool needsPostgres, bool needsBroker, CancellationToken cancellationToken)
    {
        if (needsPostgres)
        {
            var postgres = new PostgreSqlBuilder(PostgresImage).Build();
            _stop.Add(postgres.DisposeAsync);
            await postgres.StartAsync(cancellationToken);
            Postgres = postgres.GetConnectionString();
        }

        if (needsBroker)
        {
            var rabbitMq = new RabbitMqBuilder(RabbitMqImage)
                .WithResourceMapping(Encoding.UTF8.GetBytes(RabbitMqServer.AdvancedConfiguration), "/etc/rabbitmq/advanced.config")
                .Build();
            _stop.Add(rabbitMq.DisposeAsync);
            await rabbitMq.StartAsync(cancellationToken);
            RabbitMq = rabbitMq.GetConnectionString();
        }
    }

    private async Task AddNativeAsync(bool needsPostgres, bool needsBroker, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var folder = await TestFolder.CreateAsync(cancellationToken);
        _stop.Add(folder.DisposeAsync);
        if (needsPostgres)
        {
            var postgres = await PostgresServer.StartAsync(
                Path.Combine(folder.Path, "postgres"), isThrowAway: true, folder.Daemons, cancellationToken);
            Postgres = postgres.ConnectionString;
        }

        if (needsBroker)
        {
            var broker = await RabbitMqServer.StartAsync(
                Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
            RabbitMq = broker.Uri;
        }
    }
}

/// <param name="Description">For the log of the run.</param>
public sealed record TestServerChoice(TestServerKind Kind, string Description);

/// <summary>Where the servers of a test run come from.</summary>
public enum TestServerKind
{
    /// <summary>Both run already; the environment says where.</summary>
    Given,

    /// <summary>Testcontainers starts them.</summary>
    Containers,

    /// <summary>They are started as processes.</summary>
    Native,
}
