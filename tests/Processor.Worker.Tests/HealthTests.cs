using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Processor.Worker.Broker;
using Processor.Worker.Hosting;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>The health of a worker, over HTTP.</summary>
public sealed class HealthTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/health/live", HttpStatusCode.OK)]
    [InlineData("/health/ready", HttpStatusCode.ServiceUnavailable)]
    public async Task Head_is_answered_as_get_is_without_a_body(string path, HttpStatusCode expected)
    {
        await using var app = await StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), Cancel);
        using var get = await http.GetAsync(new Uri(path, UriKind.Relative), Cancel);

        Assert.Equal((expected, expected), (head.StatusCode, get.StatusCode));
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_foreign_header_may_hold_a_Latin_1_byte()
    {
        await using var app = await StartAsync();

        var answer = await SendAsync(app, "X-Geo-City: Z\u00fcrich", Encoding.Latin1);

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
    }

    private static async Task<string> SendAsync(WebApplication app, string header, Encoding encoding)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(app.Urls.First()).Port, Cancel);
        await client.GetStream().WriteAsync(
            encoding.GetBytes($"GET /health/live HTTP/1.1\r\nHost: worker\r\n{header}\r\nConnection: close\r\n\r\n"), Cancel);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync(Cancel);
    }

    private static async Task<WebApplication> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(
        [
            new("ConnectionStrings:RabbitMq", "amqp://localhost"),
            new("ConnectionStrings:Postgres", "Host=127.0.0.1;Port=1"),
            new("urls", "http://127.0.0.1:0"),
        ]);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddPersistence();
        builder.Services.AddBroker();
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<MigrationGate>(services, Roles.All));
        builder.AcceptForeignHeaders();
        var app = builder.Build();
        app.MapHealth();
        await app.StartAsync(Cancel);
        return app;
    }
}
