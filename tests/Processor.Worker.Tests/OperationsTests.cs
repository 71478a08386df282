using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Processor.Worker.Operations;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;

namespace Processor.Worker.Tests;

/// <summary>The role <c>api</c>, over HTTP.</summary>
public sealed class OperationsTests(PostgresFixture postgres)
{
    private const string Key = "an operator's key";
    private const string NextKey = "the next one";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_is_registered_and_shown_with_its_events_and_notifications()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        await database.ExecuteAsync("update webhook_events set trace_id = repeat('a', 32)");

        using var answer = await http.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada", email = "ada@example.com" }, Cancel);
        var shown = await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(shown.ToString(), (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).ToString());
        Assert.Equal(
            ("j", "completed", "ada", "ada@example.com"),
            (Text(shown, "jobId"), Text(shown, "status"), Text(shown, "userId"), Text(shown, "email")));
        var received = Assert.Single(shown.GetProperty("events").EnumerateArray());
        Assert.Equal(
            ("video.completed", new string('a', 32), $"http://jaeger.example/ui/trace/{new string('a', 32)}"),
            (Text(received, "type"), Text(received, "traceId"), Text(received, "traceUrl")));
        var notification = Assert.Single(shown.GetProperty("notifications").EnumerateArray());
        Assert.Equal(("email", "completed", "pending"), (Text(notification, "channel"), Text(notification, "outcome"), Text(notification, "status")));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("another")]
    [InlineData("an operator's ke")]
    [InlineData("")]
    public async Task Without_a_key_nothing_is_told_and_nothing_done(string? key)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, key);

        using var shown = await http.GetAsync(new Uri("/jobs/j", UriKind.Relative), Cancel);
        // Not even that the body would have been wrong.
        using var registered = await http.PutAsync(new Uri("/jobs/j", UriKind.Relative), new StringContent("no JSON"), Cancel);

        await AssertProblemAsync(HttpStatusCode.Unauthorized, shown);
        await AssertProblemAsync(HttpStatusCode.Unauthorized, registered);
        Assert.Equal("Bearer", $"{shown.Headers.WwwAuthenticate}");
    }

    [Fact]
    public async Task While_a_key_is_rotated_both_open()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        foreach (var key in new[] { Key, NextKey })
        {
            using var http = Client(app, key);
            using var answer = await http.GetAsync(new Uri("/jobs/unknown", UriKind.Relative), Cancel);

            await AssertProblemAsync(HttpStatusCode.NotFound, answer);
        }
    }

    [Fact]
    public async Task Where_no_key_is_configured_there_is_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database.ConnectionString);
        using var http = Client(app, Key);

        using var answer = await http.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada" }, Cancel);

        await AssertProblemAsync(HttpStatusCode.NotFound, answer);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Theory]
    [InlineData("""{"resource":"music","userId":"ada"}""", "resource")]
    [InlineData("""{"resource":"video","userId":"ada","email":"a@b.example\r\nBcc: c@d.example"}""", "email")]
    [InlineData("""{"resource":"video","userId":"ada","webhookUrl":"file:///etc/passwd"}""", "webhookUrl")]
    [InlineData("""{"resource":"video","userId":"\u0000"}""", "userId")]
    [InlineData("""{"resource":"video"}""", "userId")]
    [InlineData("""{"resource":"video","userId":"\ud83c"}""", null)]
    [InlineData("not JSON", null)]
    public async Task What_breaks_the_rules_is_a_problem_with_a_name(string body, string? property)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        using var content = new StringContent(body, new MediaTypeHeaderValue("application/json"));

        using var answer = await http.PutAsync(new Uri("/jobs/j", UriKind.Relative), content, Cancel);

        var problem = await AssertProblemAsync(HttpStatusCode.BadRequest, answer);
        Assert.Equal(property, problem.TryGetProperty("errors", out var errors) ? Assert.Single(errors.EnumerateObject()).Name : null);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Fact]
    public async Task Without_the_database_it_is_unavailable_and_not_broken()
    {
        await using var app = await StartAsync("Host=127.0.0.1;Port=1;Timeout=2", Key);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri("/jobs/j", UriKind.Relative), Cancel);

        await AssertProblemAsync(HttpStatusCode.ServiceUnavailable, answer);
    }

    [Fact]
    public async Task It_describes_itself()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, key: null);

        var document = await http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancel);

        var path = document.GetProperty("paths").GetProperty("/jobs/{id}");
        Assert.Equal(["200", "400", "401", "503"], path.GetProperty("put").GetProperty("responses").EnumerateObject().Select(one => one.Name).Order());
        Assert.Equal(["200", "401", "404", "503"], path.GetProperty("get").GetProperty("responses").EnumerateObject().Select(one => one.Name).Order());
        Assert.Equal("bearer", Text(document.GetProperty("components").GetProperty("securitySchemes").GetProperty("key"), "scheme"));
    }

    private static Task<WebApplication> StartAsync(TestDatabase database) => StartAsync(database.ConnectionString, Key, NextKey);

    private static async Task<WebApplication> StartAsync(string postgres, params string[] keys)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(
            keys.Select((key, index) => KeyValuePair.Create($"Operations:ApiKeys:{index}", (string?)key)).Concat(
            [
                new("ConnectionStrings:RabbitMq", "amqp://localhost"),
                new("ConnectionStrings:Postgres", postgres),
                new("Jaeger:BaseUrl", "http://jaeger.example/ui/"),
                new("urls", "http://127.0.0.1:0"),
            ]));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddPersistence();
        builder.Services.AddRegistration();
        builder.Services.AddOperations();
        var app = builder.Build();
        app.MapOperations();
        await app.StartAsync(Cancel);
        return app;
    }

    private static HttpClient Client(WebApplication app, string? key)
    {
        var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        if (key is not null)
        {
            http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        }

        return http;
    }

    private static async Task<JsonElement> AssertProblemAsync(HttpStatusCode status, HttpResponseMessage answer)
    {
        Assert.Equal((status, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        return problem;
    }

    private static string? Text(JsonElement parent, string name) => parent.GetProperty(name).GetString();
}
