using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Inbox;
using Processor.Worker.Operations;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;

[assembly: AssemblyFixture(typeof(Processor.Worker.Tests.PostgresFixture))]

namespace Processor.Worker.Tests;

/// <summary>One PostgreSQL for the whole run, with a migrated database that serves as a template.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private const string Template = "worker_tests_template";

    private TestServers? _servers;

    public string Server => _servers?.Postgres ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync()
    {
        _servers = await TestServers.StartAsync(withBroker: false, TestContext.Current.CancellationToken);
        await ExecuteAsync($"drop database if exists {Template}");
        var template = await PostgresServer.CreateDatabaseAsync(Server, Template, TestContext.Current.CancellationToken);
        await using var source = NpgsqlDataSource.Create(template + ";Pooling=false");
        await Schema(source).MigrateAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_servers is not null)
        {
            await _servers.DisposeAsync();
        }
    }

    /// <summary>Creates a database: a copy of the migrated one, or an empty one.</summary>
    internal Task<TestDatabase> CreateDatabaseAsync(bool isMigrated = true) =>
        CreateAsync($"template {(isMigrated ? Template : "template0")}");

    /// <summary>Creates an empty database with an encoding other than UTF-8.</summary>
    internal Task<TestDatabase> CreateDatabaseAsync(string encoding) => CreateAsync($"template template0 locale 'C' encoding '{encoding}'");

    private async Task<TestDatabase> CreateAsync(string options)
    {
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync($"create database {name} {options}");
        var connection = new NpgsqlConnectionStringBuilder(Server) { Database = name, Options = "-c jit=off", MaxPoolSize = 20 };
        return new TestDatabase(connection.ConnectionString, NpgsqlDataSource.Create(connection), () => ExecuteAsync($"drop database {name} with (force)"));
    }

    /// <summary>Makes the database unavailable to all clients until it is opened again.</summary>
    internal async Task CloseAsync(TestDatabase database)
    {
        await ExecuteAsync($"alter database {database.Name} allow_connections false");
        await ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database.Name}'");
        database.Source.Clear();
    }

    internal Task OpenAsync(TestDatabase database) => ExecuteAsync($"alter database {database.Name} allow_connections true");

    internal static DatabaseSchema Schema(NpgsqlDataSource source) => new(source, new ContextFactory(source));

    private async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(Server + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    internal sealed class ContextFactory(NpgsqlDataSource source) : IDbContextFactory<ProcessorDbContext>
    {
        public ProcessorDbContext CreateDbContext() => new(new DbContextOptionsBuilder<ProcessorDbContext>().UseNpgsql(source).Options);
    }
}

/// <summary>A database for one test.</summary>
internal sealed class TestDatabase(string connectionString, NpgsqlDataSource source, Func<Task> drop) : IAsyncDisposable
{
    public string ConnectionString => connectionString;

    public string Name { get; } = new NpgsqlConnectionStringBuilder(connectionString).Database!;

    public NpgsqlDataSource Source => source;

    public DirectSessions Sessions { get; } =
        new(Options.Create(new ConnectionOptions { Postgres = connectionString }), Options.Create(new DatabaseOptions()));

    public GroupTransaction Transaction { get; } = new(source, new OutboxSignal(TimeProvider.System), TimeProvider.System);

    public JobReader Jobs => new(new PostgresFixture.ContextFactory(source), ArchiveLab.NoLinks(this), Options.Create(new JaegerOptions()));

    public ProcessorDbContext OpenContext() => new PostgresFixture.ContextFactory(source).CreateDbContext();

    public async Task<IReadOnlyList<CommitOutcome>> CommitAsync(params UnitOfWork[] group) =>
        (await Transaction.CommitAsync(group, TestContext.Current.CancellationToken)).Outcomes;

    public async Task ExecuteAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The first column of every row, as text.</summary>
    public async Task<string[]> QueryAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var values = new List<string>();
        while (await rows.ReadAsync(TestContext.Current.CancellationToken))
        {
            values.Add($"{rows.GetValue(0)}");
        }

        return [.. values];
    }

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        await drop();
    }
}
