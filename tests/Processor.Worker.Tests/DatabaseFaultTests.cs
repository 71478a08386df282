using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>Distinguishes faults that stop everything from those that concern one message.</summary>
public sealed class DatabaseFaultTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("08006")]
    [InlineData("0A000")]
    [InlineData("25006")]
    [InlineData("26000")]
    [InlineData("28P01")]
    [InlineData("3D000")]
    [InlineData("3F000")]
    [InlineData("40001")]
    [InlineData("40P01")]
    [InlineData("42501")]
    [InlineData("42P01")]
    [InlineData("42703")]
    [InlineData("53100")]
    [InlineData("53300")]
    [InlineData("55P03")]
    [InlineData("57014")]
    [InlineData("57P01")]
    [InlineData("57P03")]
    [InlineData("58030")]
    [InlineData("XX001")]
    [InlineData("XX002")]
    public void What_an_operator_or_time_repairs_is_waited_for(string sqlState) =>
        Assert.True(DatabaseFault.IsTransient(new PostgresException("", "ERROR", "ERROR", sqlState)));

    [Theory]
    [InlineData("22021")]
    [InlineData("22P05")]
    [InlineData("23502")]
    [InlineData("23505")]
    [InlineData("54000")]
    [InlineData("P0001")]
    [InlineData("P0004")]
    [InlineData("XX000")]
    [InlineData("ZZ999")]
    public void What_concerns_the_rows_or_is_not_known_is_not(string sqlState) =>
        Assert.False(DatabaseFault.IsTransient(new PostgresException("", "ERROR", "ERROR", sqlState)));

    public static TheoryData<Exception> OfAMessage =>
    [
        new FormatException(), new ArgumentNullException(), new ArgumentOutOfRangeException(), new InvalidOperationException(), new OverflowException(),
        new InvalidCastException(), new JsonException(), new KeyNotFoundException(), new OperationCanceledException(), new NotSupportedException(),
    ];

    [Theory]
    [MemberData(nameof(OfAMessage), DisableDiscoveryEnumeration = true)]
    public void An_exception_that_is_not_on_the_list_is_not(Exception exception) => Assert.False(DatabaseFault.IsTransient(exception));

    [Fact]
    public void What_a_newer_version_has_written_is_no_outage() => Assert.False(DatabaseFault.IsTransient(new NewerVersionException("a fact")));

    [Theory]
    [InlineData("Port={port}", "a server that does not listen")]
    [InlineData("Host=host.invalid", "a host that has no address")]
    [InlineData("Username=nobody", "a user that does not exist")]
    [InlineData("Database=nothing", "a database that there is not")]
    [InlineData("SSL Mode=VerifyFull", "a server without TLS")]
    [InlineData("SSL Mode=VerifyFull;Root Certificate=/nowhere/ca.pem", "a certificate that is missing")]
    [InlineData("Maximum Pool Size=1;Timeout=1", "no connection is free")]
    [InlineData("Options=-c work_mem=nonsense", "a setting that the server rejects")]
    public async Task A_connection_that_fails_is_waited_for(string change, string what)
    {
        var changed = $"{postgres.Server};{change.Replace("{port}", $"{Machine.FreePort()}", StringComparison.Ordinal)}";
        await using var source = NpgsqlDataSource.Create(changed);
        await using var first = what == "no connection is free" ? await source.OpenConnectionAsync(TestContext.Current.CancellationToken) : null;

        var failure = await Record.ExceptionAsync(async () => await source.OpenAsync(TestContext.Current.CancellationToken));

        Assert.True(failure is not null && DatabaseFault.IsTransient(failure), $"{what}: {failure}");
    }

    // Npgsql throws the first for a password file or a certificate that the process may not read.
    public static TheoryData<Exception> OfOpening =>
        [new UnauthorizedAccessException(), new InvalidOperationException(), new ArgumentException(), new OperationCanceledException()];

    [Theory]
    [MemberData(nameof(OfOpening), DisableDiscoveryEnumeration = true)]
    public async Task Whatever_fails_while_connecting_is_waited_for(Exception exception)
    {
        var builder = new NpgsqlDataSourceBuilder(postgres.Server);
        builder.UsePhysicalConnectionInitializer(_ => throw exception, _ => throw exception);
        await using var source = builder.Build();

        var failure = await Record.ExceptionAsync(async () => await source.OpenAsync(TestContext.Current.CancellationToken));

        Assert.True(failure is not null && DatabaseFault.IsTransient(failure), $"{failure}");
    }

    [Fact]
    public async Task A_connection_that_is_no_longer_wanted_is_canceled()
    {
        await using var source = NpgsqlDataSource.Create(postgres.Server);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await source.OpenAsync(new CancellationToken(canceled: true)));
    }

    [Theory]
    // Escaped, because an attribute would hold half a surrogate pair as U+FFFD.
    [InlineData(@"half \ud83c", "select $1")]
    [InlineData(@"NUL \u0000", "select $1")]
    [InlineData("zz", "select $1::uuid")]
    public async Task A_value_that_the_database_cannot_hold_is_not(string escaped, string sql)
    {
        await using var database = await postgres.CreateDatabaseAsync();

        var failure = await Record.ExceptionAsync(async () =>
        {
            await using var command = database.Source.CreateCommand(sql);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Regex.Unescape(escaped) });
            await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        });

        Assert.True(failure is not null && !DatabaseFault.IsTransient(failure), $"{failure}");
        Assert.Equal(["1"], await database.QueryAsync("select 1"));
    }
}
