using Npgsql;
using Platform.DevStack;

namespace Platform.Simulator.Tests;

/// <summary>The tools read the tables of the services, and compare names.</summary>
public sealed class ReadingTablesTests
{
    [Theory]
    [InlineData("Host=localhost")]
    [InlineData("Host=localhost;Client Encoding=LATIN1;Encoding=iso-8859-1;Timezone=Asia/Kolkata")]
    public void Text_is_UTF8_and_times_are_UTC_whatever_the_connection_string_says(string connectionString)
    {
        using var database = PostgresServer.Open(connectionString);

        var connection = new NpgsqlConnectionStringBuilder(database.ConnectionString);

        Assert.Equal(("UTF8", "UTF8", "UTC"), (connection.ClientEncoding, connection.Encoding, connection.Timezone));
    }
}
