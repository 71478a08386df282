using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Contracts;
using static Processor.Worker.Tests.Accounts;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary><c>GET /ops/accounting</c>.</summary>
public sealed class ShowingAccountsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_names_what_is_missing_and_its_sums_add_up()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var accounts = new Accounts(database);
        await database.CommitAsync([.. Batch(1, 10), Quarantined(11), .. Batch(15, 20)]);
        await database.ExecuteAsync("update webhook_events set processed_at = now()");
        await database.ExecuteAsync($"delete from webhook_events where job_id = 'job-{Source:x}-7'");
        await accounts.ReportAsync(through: 20, unconfirmed: [new NumberRange(13, 13)]);
        await database.CommitAsync(Event(21), Event(1, source: 2));
        await accounts.ReportAsync(through: 23, seconds: 20, notedAt: DateTimeOffset.UtcNow);
        await accounts.ReportAsync(through: 1, source: 2);
        await accounts.AddAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var report = await http.GetFromJsonAsync<JsonElement>("/ops/accounting?from=2026-11-23T12:00:00Z&to=2026-11-23T13:00:00Z", Cancel);

        Assert.Equal(
            """{"accepted":23,"applied":17,"quarantined":1,"parked":0,"inFlight":2,"missing":2,"deleted":1}""", report.GetProperty("sums").GetRawText());
        Assert.Equal(
            ["123456789abcdef ingress-15 22", "000000000000002 ingress-2 1"],
            report.GetProperty("sources").EnumerateArray()
                .Select(one => $"{one.GetProperty("source")} {one.GetProperty("instance")} {one.GetProperty("sums").GetProperty("accepted")}")
                .OrderDescending(StringComparer.Ordinal));
        Assert.Equal(
            ["deleted 7-7 (1) 2026-11-23T12:00:00+00:00", "not_received 12-12 (1) 2026-11-23T12:00:00+00:00", "not_received 14-14 (1) 2026-11-23T12:00:00+00:00"],
            report.GetProperty("missing").EnumerateArray()
                .Select(one => $"{one.GetProperty("cause")} {one.GetProperty("first")}-{one.GetProperty("last")} ({one.GetProperty("count")}) {one.GetProperty("publishedAfter")}"));
    }

    [Theory]
    [InlineData("?from=yesterday", "from")]
    [InlineData("?from=2026-11-23T12:00:00Z&to=2026-11-23T11:00:00Z", "from")]
    [InlineData("?from=2026-11-01T12:00:00Z&to=2026-11-23T11:00:00Z", "from")]
    [InlineData("?source=7", "source")]
    public async Task A_window_that_is_wrong_is_refused(string query, string name)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var problem = await AssertProblemAsync(HttpStatusCode.BadRequest, await http.GetAsync(new Uri($"/ops/accounting{query}", UriKind.Relative), Cancel));

        Assert.True(problem.GetProperty("errors").TryGetProperty(name, out _));
    }

    [Fact]
    public async Task Without_accounts_all_sums_are_zero()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var report = await http.GetFromJsonAsync<JsonElement>("/ops/accounting", Cancel);

        Assert.All(report.GetProperty("sums").EnumerateObject(), sum => Assert.Equal(0, sum.Value.GetInt64()));
        Assert.Equal(300, report.GetProperty("patienceSeconds").GetDouble());
    }
}
