using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>
/// A migrated database with one login per role, as in production: no other login may connect, and only the owner may create objects.
/// </summary>
internal sealed class RoleLogins : IAsyncDisposable
{
    private readonly PostgresFixture _postgres;
    private readonly string _suffix = Guid.NewGuid().ToString("N");
    private readonly List<TestDatabase> _logins = [];

    private RoleLogins(PostgresFixture postgres, TestDatabase owner) => (_postgres, Owner) = (postgres, owner);

    public TestDatabase Owner { get; }

    public TestDatabase Consume { get; private set; } = null!;

    public TestDatabase Notify { get; private set; } = null!;

    public TestDatabase Api { get; private set; } = null!;

    public TestDatabase Reconcile { get; private set; } = null!;

    public TestDatabase Archive { get; private set; } = null!;

    public DatabaseRoleOptions Settings => new()
    {
        Consume = NameOf("consume"),
        Notify = NameOf("notify"),
        Api = NameOf("api"),
        Reconcile = NameOf("reconcile"),
        Archive = NameOf("archive"),
    };

    public static async Task<RoleLogins> CreateAsync(PostgresFixture postgres, bool areGranted = true)
    {
        var logins = new RoleLogins(postgres, await postgres.CreateDatabaseAsync());
        await logins.Owner.ExecuteAsync($"revoke all on database {logins.Owner.Name} from public");
        logins.Consume = await logins.CreateLoginAsync("consume");
        logins.Notify = await logins.CreateLoginAsync("notify");
        logins.Api = await logins.CreateLoginAsync("api");
        logins.Reconcile = await logins.CreateLoginAsync("reconcile");
        logins.Archive = await logins.CreateLoginAsync("archive");
        if (areGranted)
        {
            await logins.GrantAsync();
        }

        return logins;
    }

    public string NameOf(string role) => $"worker_{role}_{_suffix}";

    public TestDatabase Of(string role) => role switch
    {
        "consume" => Consume,
        "notify" => Notify,
        "api" => Api,
        "reconcile" => Reconcile,
        "archive" => Archive,
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, null),
    };

    /// <summary>Grants the rights as <c>migrate</c> does.</summary>
    /// <returns>The output of <c>migrate</c>.</returns>
    public Task<string> GrantAsync(DatabaseRoleOptions? settings = null) =>
        new DatabaseRights(Owner.Source, Options.Create(settings ?? Settings)).GrantAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var login in _logins)
        {
            await login.DisposeAsync();
        }

        await Owner.DisposeAsync();
        await using var server = NpgsqlDataSource.Create(_postgres.Server + ";Pooling=false");
        foreach (var role in new[] { "consume", "notify", "api", "reconcile", "archive" })
        {
            await using var command = server.CreateCommand($"drop role {NameOf(role)}");
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }

    private async Task<TestDatabase> CreateLoginAsync(string role)
    {
        await Owner.ExecuteAsync($"create role {NameOf(role)} login password '{_suffix}'");
        var connection = new NpgsqlConnectionStringBuilder(Owner.ConnectionString) { Username = NameOf(role), Password = _suffix };
        SessionSettings.Apply(connection);
        var login = new TestDatabase(connection.ConnectionString, NpgsqlDataSource.Create(connection), () => Task.CompletedTask);
        _logins.Add(login);
        return login;
    }
}
