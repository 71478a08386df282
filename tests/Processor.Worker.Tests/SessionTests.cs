using System.Net.Http.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>The session settings that a worker sends to PostgreSQL.</summary>
public sealed class SessionTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("jit", "on", "off")]
    [InlineData("enable_seqscan", "on", "off")]
    [InlineData("lock_timeout", "0", "5s")]
    [InlineData("idle_in_transaction_session_timeout", "0", "10s")]
    public async Task The_servers_default_is_not_taken(string setting, string byDefault, string expected)
    {
        await using var plain = NpgsqlDataSource.Create(postgres.Server);
        await using var services = CreateServices();

        Assert.Equal((byDefault, expected), (await ShowAsync(plain, setting), await ShowAsync(services.GetRequiredService<NpgsqlDataSource>(), setting)));
    }

    [Theory]
    [InlineData("client_encoding", "LATIN1", "UTF8")]
    [InlineData("TimeZone", "Asia/Kolkata", "UTC")]
    [InlineData("DateStyle", "SQL, DMY", "ISO, MDY")]
    [InlineData("IntervalStyle", "sql_standard", "postgres")]
    [InlineData("bytea_output", "escape", "hex")]
    [InlineData("extra_float_digits", "-5", "1")]
    [InlineData("standard_conforming_strings", "off", "on")]
    [InlineData("search_path", "other, public", "public")]
    [InlineData("default_transaction_isolation", "serializable", "read committed")]
    public async Task What_changes_meaning_is_fixed_whatever_the_database_or_the_operator_sets(string setting, string other, string expected)
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        await database.ExecuteAsync($"alter database {database.Name} set {setting} to {(setting == "search_path" ? other : $"'{other}'")}");
        var escaped = other.Replace(" ", "\\ ", StringComparison.Ordinal);
        await using var byDatabase = CreateServices(database.ConnectionString);
        await using var byOptions = CreateServices(With(database.ConnectionString, "Options", $"-c {setting}={escaped}"));

        var shown = (await ShowAsync(byDatabase, setting), await ShowAsync(byOptions, setting));

        Assert.Equal((expected, expected), shown);
    }

    [Theory]
    [InlineData("Client Encoding", "LATIN1", "client_encoding", "UTF8")]
    [InlineData("Timezone", "Asia/Kolkata", "TimeZone", "UTC")]
    [InlineData("Search Path", "other", "search_path", "public")]
    public async Task Neither_does_the_connection_string_change_meaning(string keyword, string value, string setting, string expected)
    {
        await using var services = CreateServices(With(postgres.Server, keyword, value));

        Assert.Equal(expected, await ShowAsync(services, setting));
    }

    [Fact]
    public async Task Text_is_read_and_written_as_UTF8_whatever_the_connection_string_says()
    {
        await using var services = CreateServices(With(postgres.Server, "Encoding", "iso-8859-1"));
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("select $1, octet_length($1)");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = "Zürich 🦊" });

        await using var row = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        await row.ReadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(("Zürich 🦊", 12), (row.GetString(0), row.GetInt32(1)));
    }

    [Fact]
    public async Task An_operators_options_are_added_to_the_built_in_ones_and_win_over_tuning()
    {
        await using var services = CreateServices(With(postgres.Server, "Options", "-c work_mem=8MB --lock_timeout=1s"));

        Assert.Equal(
            ("8MB", "1s", "off", "10s"),
            (await ShowAsync(services, "work_mem"), await ShowAsync(services, "lock_timeout"), await ShowAsync(services, "jit"),
                await ShowAsync(services, "idle_in_transaction_session_timeout")));
    }

    [Theory]
    [InlineData("", 32)]
    [InlineData("Max Auto Prepare=0", 0)]
    [InlineData("Max Auto Prepare=64", 64)]
    public async Task An_operator_chooses_how_many_statements_are_prepared(string setting, int prepared)
    {
        await using var services = CreateServices($"{postgres.Server};{setting}");

        Assert.Equal(prepared, new NpgsqlConnectionStringBuilder(services.GetRequiredService<NpgsqlDataSource>().ConnectionString).MaxAutoPrepare);
    }

    [Theory]
    [InlineData("PGCLIENTENCODING=LATIN1")]
    [InlineData("PGOPTIONS=-c client_encoding=LATIN1 -c search_path=pg_catalog")]
    [InlineData("PGTZ=Asia/Kolkata")]
    public async Task Names_survive_the_environment(string variable)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"Zürich 🦊"}}""")));
        await using var worker = await ApiProcess.StartAsync(database.ConnectionString, variable);

        using var answer = await worker.Http.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "Łukasz 🦊" }, TestContext.Current.CancellationToken);
        var shown = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.True(answer.IsSuccessStatusCode, shown);
        Assert.Equal("Zürich 🦊", System.Text.Json.JsonDocument.Parse(shown).RootElement.GetProperty("name").GetString());
        Assert.Equal(["Łukasz 🦊"], await database.QueryAsync("select user_id from jobs"));
    }

    [Fact]
    public async Task A_session_is_not_wiped_clean_after_each_transaction()
    {
        await using var services = CreateServices();

        Assert.True(new NpgsqlConnectionStringBuilder(services.GetRequiredService<NpgsqlDataSource>().ConnectionString).NoResetOnClose);
    }

    private ServiceProvider CreateServices() => CreateServices(postgres.Server);

    private static ServiceProvider CreateServices(string connectionString)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection([new("ConnectionStrings:Postgres", connectionString), new("ConnectionStrings:RabbitMq", "amqp://localhost/")])
            .Build());
        services.AddLogging();
        services.AddPersistence();
        return services.BuildServiceProvider();
    }

    private static string With(string connectionString, string keyword, string value) =>
        new NpgsqlConnectionStringBuilder(connectionString) { [keyword] = value }.ConnectionString;

    private static Task<string> ShowAsync(ServiceProvider services, string setting) =>
        ShowAsync(services.GetRequiredService<NpgsqlDataSource>(), setting);

    private static async Task<string> ShowAsync(NpgsqlDataSource database, string setting)
    {
        await using var command = database.CreateCommand($"show {setting}");
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
