using System.Text;
using Testcontainers.PostgreSql;
using Testcontainers.RabbitMq;

namespace Platform.DevStack;

/// <summary>
/// A broker and a database for tests. Each is the server named by <c>TEST_RABBITMQ</c> or <c>TEST_POSTGRES</c>, otherwise a container if a
/// Docker engine has the images, otherwise a private native server. <c>TEST_SERVERS</c> = <c>containers</c> or <c>native</c> forces one.
/// </summary>
public sealed class TestServers : IAsyncDisposable
{
    // A test compares these with docker-compose.yml and with the releases in deploy/k8s.
    public const string RabbitMqImage = "rabbitmq:4.2-management";
    public const string PostgresImage = "postgres:17-alpine";

    private const string RabbitMqVariable = "TEST_RABBITMQ";
    private const string PostgresVariable = "TEST_POSTGRES";
    private const string ChoiceVariable = "TEST_SERVERS";

    private readonly List<Func<ValueTask>> _stop = [];
    private Func<string[], CancellationToken, Task>? _controlBroker;

    private TestServers()
    {
    }

    /// <summary>Empty when only a database was requested.</summary>
    public string RabbitMq { get; private set; } = Given(RabbitMqVariable);

    public string Postgres { get; private set; } = Given(PostgresVariable);

    /// <summary>Determines what <see cref="StartAsync"/> will use, without starting anything.</summary>
    /// <exception cref="SetupException"><c>TEST_SERVERS</c> requests containers, but they are unavailable.</exception>
    public static async Task<TestServerChoice> ChooseAsync(CancellationToken cancellationToken)
    {
        string[] given = [.. new[] { RabbitMqVariable, PostgresVariable }.Where(variable => Given(variable) != "")];
        if (given.Length == 2)
        {
            return new TestServerChoice(TestServerKind.Given, $"the servers in {RabbitMqVariable} and {PostgresVariable}");
        }

        var asked = Environment.GetEnvironmentVariable(ChoiceVariable);
        var obstacle = asked == "native"
            ? $"{ChoiceVariable} requests it"
            : await DockerEngine.FindObstacleAsync(cancellationToken)
                ?? await DockerEngine.FindImageObstacleAsync([RabbitMqImage, PostgresImage], cancellationToken);
        var prefix = given.Length == 1 ? $"the server in {given[0]}, otherwise " : "";
        return obstacle switch
        {
            null => new TestServerChoice(TestServerKind.Containers, $"{prefix}containers of {RabbitMqImage} and {PostgresImage}"),
            _ when asked == "containers" => throw new SetupException($"{ChoiceVariable} requests containers, but {obstacle}."),
            _ => new TestServerChoice(TestServerKind.Native, $"{prefix}private native servers, because {obstacle}"),
        };
    }

    /// <param name="withBroker">False: only a database.</param>
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

    /// <summary>Creates virtual hosts, so that as many tests can use the broker at once.</summary>
    /// <returns>Their addresses; only the broker's own for a broker that was given.</returns>
    public async Task<IReadOnlyList<string>> AddVirtualHostsAsync(int count, CancellationToken cancellationToken)
    {
        if (_controlBroker is not { } control)
        {
            return [RabbitMq];
        }

        var address = new Uri(RabbitMq);
        var user = address.UserInfo.Split(':')[0];
        return await Task.WhenAll(Enumerable.Range(1, count).Select(async i =>
        {
            var name = $"tests-{i}";
            await control(["add_vhost", name], cancellationToken);
            await control(["set_permissions", "-p", name, user, ".*", ".*", ".*"], cancellationToken);
            return $"{new Uri(address, name)}";
        }));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stop in Enumerable.Reverse(_stop))
        {
            await stop();
        }
    }

    private static string Given(string variable) => Environment.GetEnvironmentVariable(variable) ?? "";

    // The services reject default passwords.
    private static string CreatePassword() => Guid.NewGuid().ToString("N");

    private async Task AddContainersAsync(bool needsPostgres, bool needsBroker, CancellationToken cancellationToken)
    {
        if (needsPostgres)
        {
            var postgres = new PostgreSqlBuilder(PostgresImage).WithPassword(CreatePassword()).Build();
            _stop.Add(postgres.DisposeAsync);
            await postgres.StartAsync(cancellationToken);
            Postgres = postgres.GetConnectionString();
        }

        if (needsBroker)
        {
            var rabbitMq = new RabbitMqBuilder(RabbitMqImage)
                .WithPassword(CreatePassword())
                .WithResourceMapping(Encoding.UTF8.GetBytes(RabbitMqServer.AdvancedConfiguration), "/etc/rabbitmq/advanced.config")
                .Build();
            _stop.Add(rabbitMq.DisposeAsync);
            await rabbitMq.StartAsync(cancellationToken);
            RabbitMq = rabbitMq.GetConnectionString();
            _controlBroker = async (arguments, token) =>
            {
                var result = await rabbitMq.ExecAsync(["rabbitmqctl", .. arguments], token);
                if (result.ExitCode != 0)
                {
                    throw new InvalidOperationException($"rabbitmqctl {arguments[0]} failed: {result.Stderr}");
                }
            };
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
                Path.Combine(folder.Path, "postgres"), isDisposable: true, folder.Daemons, cancellationToken);
            Postgres = postgres.ConnectionString;
        }

        if (needsBroker)
        {
            var broker = await RabbitMqServer.StartAsync(
                Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
            RabbitMq = broker.Uri;
            _controlBroker = (arguments, token) => broker.ControlAsync(token, arguments);
        }
    }
}

/// <param name="Description">For the log of the run.</param>
public sealed record TestServerChoice(TestServerKind Kind, string Description);

/// <summary>Where the servers of a test run come from.</summary>
public enum TestServerKind
{
    /// <summary>Both already run at the addresses in the environment.</summary>
    Given,

    /// <summary>Started by Testcontainers.</summary>
    Containers,

    /// <summary>Started as processes.</summary>
    Native,
}
