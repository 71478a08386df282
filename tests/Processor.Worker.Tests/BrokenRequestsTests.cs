using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Requests whose body never arrives as a whole.</summary>
public sealed class BrokenRequestsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/console/sign-in", "application/x-www-form-urlencoded", "key=")]
    [InlineData("/ops/parked/release", "application/json", "{\"place\":")]
    public async Task A_body_that_breaks_off_is_no_error_of_the_server(string path, string type, string sent)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        var log = app.Services.GetFakeLogCollector();

        await BreakOffAsync(new Uri(app.Urls.Single()), path, type, sent, isReset: true);
        await BreakOffAsync(new Uri(app.Urls.Single()), path, type, sent, isReset: false);
        // Waits for both to end.
        await app.StopAsync(Cancel);

        Assert.DoesNotContain(log.GetSnapshot(), record => record.Level >= LogLevel.Error);
    }

    private static async Task BreakOffAsync(Uri address, string path, string type, string sent, bool isReset)
    {
        using var client = new TcpClient { LingerState = new LingerOption(enable: isReset, seconds: 0) };
        await client.ConnectAsync(address.Host, address.Port, Cancel);
        var request = $"POST {path} HTTP/1.1\r\nHost: operations\r\nAuthorization: Bearer {Key}\r\nContent-Type: {type}\r\nContent-Length: 1000\r\n"
            + $"Expect: 100-continue\r\n\r\n{sent}";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Cancel);
        // The server says so when it begins to read the body.
        await client.GetStream().ReadExactlyAsync(new byte["HTTP/1.1 100 ".Length], Cancel);
    }
}
