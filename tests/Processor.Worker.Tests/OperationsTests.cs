using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Operations;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>The role <c>api</c>, over HTTP.</summary>
public sealed class OperationsTests(PostgresFixture postgres)
{
    // The test uses no database.
    private const string Nowhere = "Host=127.0.0.1;Port=1;Timeout=2";

    private static readonly Uri Description = new("/openapi/v1.json", UriKind.Relative);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ada@example.com")]
    [InlineData("ada@bücher.example")]
    [InlineData("ada@xn--bcher-kva.example")]
    [InlineData("ünï@example.com")]
    public async Task A_job_is_registered_and_shown_with_its_events_and_notifications(string email)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        await database.ExecuteAsync("update webhook_events set trace_id = repeat('a', 32)");

        using var answer = await http.PutAsJsonAsync("/jobs/j", new { resource = "video", userId = "ada", email }, Cancel);
        var shown = await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(shown.ToString(), (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).ToString());
        Assert.Equal(
            ("j", "completed", "ada", email),
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
    [InlineData("the key of one operator, for test")]
    [InlineData("")]
    public async Task Without_a_key_nothing_is_revealed_and_nothing_done(string? key)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, key);

        using var shown = await http.GetAsync(new Uri("/jobs/j", UriKind.Relative), Cancel);
        // Does not even reveal that the body would have been invalid.
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
    public async Task White_space_around_a_key_is_not_part_of_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database.ConnectionString, $" {Key}\r\n");
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri("/jobs/unknown", UriKind.Relative), Cancel);

        await AssertProblemAsync(HttpStatusCode.NotFound, answer);
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
    public async Task What_a_newer_version_wrote_is_unavailable_and_not_broken()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.EndAsync("j", "https://example.com/");
        await database.ExecuteAsync("alter table notifications drop constraint notifications_status; update notifications set status = 'snoozed'");
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri("/jobs/j", UriKind.Relative), Cancel);

        await AssertProblemAsync(HttpStatusCode.ServiceUnavailable, answer);
    }

    [Theory]
    [InlineData("Production", 401)]
    [InlineData("Development", 200)]
    public async Task Its_description_requires_a_key_outside_of_development(string environment, int status)
    {
        await using var app = await StartInAsync(environment, Nowhere, [Key]);
        using var http = Client(app, key: null);

        using var answer = await http.GetAsync(Description, Cancel);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Where_no_key_is_configured_there_is_no_description_either()
    {
        await using var app = await StartAsync(Nowhere);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(Description, Cancel);

        await AssertProblemAsync(HttpStatusCode.NotFound, answer);
    }

    [Fact]
    public async Task Wrong_keys_of_one_peer_are_throttled_and_a_right_one_is_never_refused()
    {
        var time = new FakeTimeProvider(Deliveries.Noon);
        await using var app = await StartInAsync("Production", Nowhere, [Key], time);
        using var stranger = Client(app, "a guess");
        using var @operator = Client(app, Key);

        for (var i = 0; i < 10; i++)
        {
            using var guess = await stranger.GetAsync(Description, Cancel);
            await AssertProblemAsync(HttpStatusCode.Unauthorized, guess);
        }

        using var throttled = await stranger.GetAsync(Description, Cancel);
        using var answered = await @operator.GetAsync(Description, Cancel);
        time.Advance(TimeSpan.FromSeconds(10));
        using var later = await stranger.GetAsync(Description, Cancel);

        await AssertProblemAsync(HttpStatusCode.TooManyRequests, throttled);
        Assert.Equal("10", $"{throttled.Headers.RetryAfter}");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (answered.StatusCode, later.StatusCode));
    }

    [Fact]
    public async Task It_describes_itself()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var document = await http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancel);

        var path = document.GetProperty("paths").GetProperty("/jobs/{id}");
        Assert.Equal(["200", "400", "401", "403", "410", "429", "503"], path.GetProperty("put").GetProperty("responses").EnumerateObject().Select(one => one.Name).Order());
        var parameter = Assert.Single(path.GetProperty("get").GetProperty("parameters").EnumerateArray());
        Assert.Equal(("id", "path", "string"), (Text(parameter, "name"), Text(parameter, "in"), Text(parameter.GetProperty("schema"), "type")));
        Assert.Equal(["200", "400", "401", "403", "404", "429", "503"], path.GetProperty("get").GetProperty("responses").EnumerateObject().Select(one => one.Name).Order());
        var secrets = document.GetProperty("paths").GetProperty("/webhook-secret").GetProperty("get").GetProperty("responses");
        Assert.Equal(["200", "400", "401", "403", "404", "429", "503"], secrets.EnumerateObject().Select(one => one.Name).Order());
        Assert.Equal("bearer", Text(document.GetProperty("components").GetProperty("securitySchemes").GetProperty("key"), "scheme"));
    }

    [Fact]
    public async Task Every_request_and_every_item_of_a_list_has_an_example()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var document = await http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancel);

        var schemas = document.GetProperty("components").GetProperty("schemas");
        var requests = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .Where(operation => operation.Value.TryGetProperty("requestBody", out _))
            .Select(operation => Text(operation.Value.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema"), "$ref"));
        string[] described = [.. requests.Select(reference => reference!.Split('/')[^1]), .. ApiExamples.All.Keys.Select(type => type.Name)];
        Assert.All(described, name => Assert.True(schemas.GetProperty(name).TryGetProperty("examples", out _), name));
        Assert.Empty(((ParkedRequest)ApiExamples.All[typeof(ParkedRequest)]).FindErrors());
        Assert.Empty(((ReplayRequest)ApiExamples.All[typeof(ReplayRequest)]).FindErrors());
        Assert.Empty(((ResendRequest)ApiExamples.All[typeof(ResendRequest)]).FindErrors());
        Assert.Equal("clx123", Text(schemas.GetProperty("EventItem").GetProperty("examples")[0], "jobId"));
    }

    [Fact]
    public async Task The_reference_loads_its_scripts_from_this_process()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Development", database.ConnectionString, [Key]);
        using var http = Client(app, null);

        var page = await http.GetStringAsync(new Uri("/reference/", UriKind.Relative), Cancel);

        var scripts = System.Text.RegularExpressions.Regex.Matches(page, "<script[^>]* src=\"([^\"]+)\"").Select(match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(scripts);
        foreach (var script in scripts)
        {
            Assert.DoesNotContain("://", script, StringComparison.Ordinal);
            using var answer = await http.GetAsync(new Uri(new Uri(http.BaseAddress!, "/reference/"), script), Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }
}
