using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>The URLs of jobs: the sender's ids may contain any characters.</summary>
public sealed class JobAddressTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Ids => new(
        "team/0001", "team%2F0001", "team%252F0001", "a b", " ", "+", "a?b=c#d", "/", "//", "a/", "/a", "a/../b", ".", "..", "...", "%", "%zz", "%25",
        "\\", "a;b=c", ":", "*", "{id}", "\u00e9", "e\u0301", "Łódź 🦊", "register", string.Concat(Enumerable.Repeat("💥", 100)));

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Every_id_of_an_event_has_an_address_and_none_shares_it(string id)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync([.. Ids.Select(row => Deliveries.Unit(Deliveries.EventOf("video.completed", row.Data)))]);

        using var answer = await PutAsync(http, $"/jobs/{Address(id)}");
        var registered = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        using var found = await http.GetAsync(Raw(http, $"/jobs/{Address(id)}"), Cancel);
        var shown = await found.Content.ReadFromJsonAsync<JsonElement>(Cancel);

        Assert.Equal((HttpStatusCode.OK, id, id), (answer.StatusCode, Text(registered, "jobId"), Text(shown, "jobId")));
        Assert.Single(shown.GetProperty("events").EnumerateArray());
        Assert.Equal([id], await database.QueryAsync("select job_id from notifications"));
        Assert.Equal([$"{Ids.Count}"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Theory]
    [InlineData("/JOBS/a%2fb", "a/b")]
    [InlineData("/jobs/..", "..")]
    [InlineData("/jobs/%2E", ".")]
    [InlineData("/jobs/a+b", "a+b")]
    [InlineData("/jobs/a%2Fb?c", "a/b")]
    [InlineData("http://jobs.example/jobs/a%2Fb", "a/b")]
    [InlineData("http://jobs.example/jobs/%2E%2E?c/d", "..")]
    public async Task An_id_is_read_from_the_address_as_it_was_sent(string address, string id)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        // Through a proxy, a client sends the absolute URL.
        using var proxied = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy(app.Urls.First()) });
        using var direct = Client(app, Key);
        proxied.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {Key}");

        using var answer = await PutAsync(address.StartsWith('/') ? direct : proxied, address);

        Assert.Equal((HttpStatusCode.OK, id), (answer.StatusCode, Text(await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel), "jobId")));
        Assert.Equal([id], await database.QueryAsync("select magic_hour_id from jobs"));
    }

    [Theory]
    [InlineData("OPTIONS * HTTP/1.1", 404)]
    [InlineData("OPTIONS http://jobs.example HTTP/1.1", 404)]
    [InlineData("CONNECT jobs.example:80 HTTP/1.1", 404)]
    [InlineData("OPTIONS /jobs HTTP/1.1", 401)]
    public async Task A_target_without_a_path_is_no_error_of_the_server(string request, int status)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(app.Urls.First()).Port, Cancel);

        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{request}\r\nHost: jobs.example{(request.Contains(":80 ", StringComparison.Ordinal) ? ":80" : "")}\r\n\r\n"), Cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);

        Assert.StartsWith($"HTTP/1.1 {status} ", await reader.ReadLineAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%zz")]
    [InlineData("%2")]
    [InlineData("%%25")]
    [InlineData("%FF")]
    [InlineData("%C0%AF")]
    [InlineData("%ED%A0%80")]
    [InlineData("%EF%BF%BD")]
    [InlineData("a%0Ab")]
    [InlineData("a%7F")]
    [InlineData("%00")]
    public async Task What_names_no_job_of_an_event_is_refused(string address)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await PutAsync(http, $"/jobs/{address}");
        using var tooLong = await PutAsync(http, $"/jobs/{new string('a', 201)}");

        // Kestrel itself rejects a NUL, with an empty body.
        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.BadRequest), (answer.StatusCode, tooLong.StatusCode));
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Theory]
    [InlineData("/jobs/a/b", HttpStatusCode.NotFound)]
    [InlineData("/jobs/", HttpStatusCode.NotFound)]
    [InlineData("/jobs", HttpStatusCode.NotFound)]
    [InlineData("/x/../jobs/a%2Fb", HttpStatusCode.NotFound)]
    [InlineData("/%6Aobs/a%2Fb", HttpStatusCode.NotFound)]
    [InlineData("/health/../jobs/a", HttpStatusCode.NotFound)]
    public async Task A_detour_leads_to_no_job(string address, HttpStatusCode status)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await PutAsync(http, address);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Theory]
    [InlineData("/jobs/..")]
    [InlineData("/jobs/a%2Fb")]
    [InlineData("/JOBS/%2E%2E")]
    [InlineData("/jobs/%zz")]
    public async Task No_way_of_writing_an_address_leads_past_the_key(string address)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, key: null);

        using var answer = await PutAsync(http, address);

        await AssertProblemAsync(HttpStatusCode.Unauthorized, answer);
    }

    private static Task<HttpResponseMessage> PutAsync(HttpClient http, string address) =>
        http.PutAsJsonAsync(Raw(http, address), new { resource = "video", userId = "ada", email = "ada@example.com" }, Cancel);

    // Neither normalized nor decoded on the way, as another client might send it.
    private static Uri Raw(HttpClient http, string address) => new(
        address.StartsWith('/') ? $"{http.BaseAddress!.GetLeftPart(UriPartial.Authority)}{address}" : address,
        new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    private static string Address(string id) => Uri.EscapeDataString(id).Replace(".", "%2E", StringComparison.Ordinal);
}
