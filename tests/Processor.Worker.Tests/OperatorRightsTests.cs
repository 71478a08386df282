using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Every route of the operations API with every right, and without a key.</summary>
public sealed class OperatorRightsTests(PostgresFixture postgres)
{
    private const string SomeId = "00000000-0000-0000-0000-000000000001";

    private static readonly string[] AllRights = ["read", "operate", "erase", "raw"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Method, path, the right that it needs, and under which act a rejected attempt is recorded.</summary>
    public static TheoryData<string, string, string, string?> Routes => new()
    {
        { "GET", "/jobs/j", "read", null },
        { "PUT", "/jobs/j", "operate", "register" },
        { "POST", "/jobs/j/downloads", "raw", "raw" },
        { "POST", "/jobs/j/notifications/email/resend", "operate", "resend" },
        { "GET", "/webhook-secret?url=https://example.com", "raw", "raw" },
        { "GET", "/jobs/j/stream", "read", null },
        { "GET", "/ops/events", "read", null },
        { "GET", "/ops/events/stream", "read", null },
        { "GET", $"/ops/events/{SomeId}", "read", null },
        { "GET", "/ops/jobs", "read", null },
        { "DELETE", "/ops/jobs/j/data", "erase", "erase" },
        { "GET", "/ops/parked?place=quarantined", "read", null },
        { "POST", "/ops/parked/release", "operate", "release" },
        { "POST", "/ops/parked/discard", "operate", "discard" },
        { "GET", "/ops/replays", "read", null },
        { "GET", $"/ops/replays/{SomeId}", "read", null },
        { "POST", "/ops/replays", "operate", "replay" },
        { "POST", $"/ops/replays/{SomeId}/stop", "operate", "replay.stop" },
        { "GET", "/ops/audit", "read", null },
        { "GET", "/ops/stats", "read", null },
        { "GET", "/ops/accounting", "read", null },
    };

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task A_route_needs_a_key_with_its_right_and_a_rejected_act_is_recorded(string method, string path, string right, string? action)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var missing = AllRights.Where(one => one != right).ToArray();
        await using var app = await StartWithRightsAsync(database, missing);

        await AssertProblemAsync(HttpStatusCode.Unauthorized, await SendAsync(Client(app, null), method, path));
        await AssertProblemAsync(HttpStatusCode.Unauthorized, await SendAsync(Client(app, OtherKey), method, path));
        var problem = await AssertProblemAsync(HttpStatusCode.Forbidden, await SendAsync(Client(app, Key), method, path));

        Assert.Equal($"The key does not have the right {right}.", Text(problem, "detail"));
        Assert.Equal(
            action is null ? [] : [$"api-key:ada {action} {path.Split('?')[0]} rejected"],
            await database.QueryAsync("select concat_ws(' ', who, action, target, outcome) from audit_log"));
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task A_key_with_only_the_right_of_a_route_may_use_it(string method, string path, string right, string? action)
    {
        Assert.NotEqual("", action);
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartWithRightsAsync(database, right);

        using var answer = await SendAsync(Client(app, Key), method, path);

        // The empty body of an act is invalid, which is found after the right; here is no broker.
        HttpStatusCode[] expected = path.Contains("parked?", StringComparison.Ordinal)
            ? [HttpStatusCode.ServiceUnavailable]
            : [HttpStatusCode.OK, HttpStatusCode.BadRequest, HttpStatusCode.NotFound];
        Assert.Contains(answer.StatusCode, expected);
        Assert.DoesNotContain("rejected", await database.QueryAsync("select outcome from audit_log"));
    }

    [Fact]
    public async Task Every_route_is_in_the_table()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var document = await http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancel);

        var described = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}"));
        var tested = Routes.Select(row => $"{row.Data.Item1} {row.Data.Item2.Split('?')[0]}"
            .Replace("/jobs/j", "/jobs/{id}", StringComparison.Ordinal).Replace("/email/", "/{channel}/", StringComparison.Ordinal)
            .Replace($"events/{SomeId}", "events/{eventId}", StringComparison.Ordinal).Replace(SomeId, "{id}", StringComparison.Ordinal));
        Assert.Equal(described.Order(), tested.Order());
    }

    [Fact]
    public async Task Addresses_and_signed_urls_of_a_job_need_the_right_raw()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com/hook?token=secret"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"https://files.example.com/a.mp4?sig=secret"}]} }""")));

        var redacted = await ShowAsync("read");
        var raw = await ShowAsync("read", "raw");

        Assert.DoesNotContain("secret", redacted, StringComparison.Ordinal);
        Assert.DoesNotContain("ada@", redacted, StringComparison.Ordinal);
        Assert.Contains("sig=secret", raw, StringComparison.Ordinal);
        Assert.Contains("token=secret", raw, StringComparison.Ordinal);

        async Task<string> ShowAsync(params string[] rights)
        {
            await using var app = await StartWithRightsAsync(database, rights);
            using var http = Client(app, Key);
            return await http.GetStringAsync(new Uri("/jobs/j", UriKind.Relative), Cancel);
        }
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient http, string method, string path)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = method == "GET" ? null : JsonContent.Create(new { });
        // A stream has no end.
        return http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }
}
