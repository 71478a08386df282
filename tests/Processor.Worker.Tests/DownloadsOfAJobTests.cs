using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Processor.Worker.Downloads;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary><c>POST /jobs/{id}/downloads</c>.</summary>
public sealed class DownloadsOfAJobTests(PostgresFixture postgres)
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task URLs_that_are_valid_for_an_hour_are_returned_without_asking()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CompleteAsync("j", Now.AddHours(2));
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await PostAsync(http);

        AssertOffers(await ReadAsync(answer), "stored", Now.AddHours(2));
        Assert.Empty(await database.QueryAsync("select job_id from download_refreshes"));
    }

    [Fact]
    public async Task URLs_that_expire_sooner_are_replaced_by_those_that_Magic_Hour_offers()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CompleteAsync("j", Now.AddMinutes(59));
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var posting = PostAsync(http);
        await Refreshes(database).AnswerNextAsync(Refreshing.Offer("j", Now.AddDays(1)));
        using var answer = await posting;
        using var again = await PostAsync(http);

        AssertOffers(await ReadAsync(answer), "fresh", Now.AddDays(1));
        AssertOffers(await ReadAsync(again), "fresh", Now.AddDays(1));
        Assert.Empty(await Refreshes(database).TakeAsync(1, Cancel));
    }

    [Fact]
    public async Task A_URL_whose_expiry_is_not_known_is_replaced_and_a_fresh_one_is_trusted()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"https://v/1"}]} }""")));
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var posting = PostAsync(http);
        await Refreshes(database).AnswerNextAsync(Refreshing.Offer("j", expiresAt: null));
        using var answer = await posting;

        AssertOffers(await ReadAsync(answer), "fresh", null);
    }

    [Fact]
    public async Task A_job_that_is_unknown_or_has_not_completed_has_no_downloads()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var unknown = await PostAsync(http, "unknown");
        using var failed = await PostAsync(http);

        await AssertProblemAsync(HttpStatusCode.NotFound, unknown);
        Assert.Contains("failed", Text(await AssertProblemAsync(HttpStatusCode.Conflict, failed), "detail"), StringComparison.Ordinal);
        Assert.Empty(await database.QueryAsync("select job_id from download_refreshes"));
    }

    [Fact]
    public async Task Where_no_one_may_ask_Magic_Hour_the_answer_says_so()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CompleteAsync("j", Now);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await PostAsync(http);

        Assert.Contains("MagicHourApi__Key", await AssertFailureAsync(HttpStatusCode.ServiceUnavailable, answer), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RefreshState.Unavailable, "key_rejected", HttpStatusCode.ServiceUnavailable)]
    [InlineData(RefreshState.Unavailable, "throttled", HttpStatusCode.ServiceUnavailable)]
    [InlineData(RefreshState.NotOffered, "not_found", HttpStatusCode.BadGateway)]
    internal async Task A_failure_of_Magic_Hour_is_named_with_the_time_to_try_again(RefreshState state, string said, HttpStatusCode status)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CompleteAsync("j", Now);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var posting = PostAsync(http);
        await Refreshes(database).AnswerNextAsync(new RefreshAnswer(state, said));
        using var answer = await posting;

        Assert.Contains(said, await AssertFailureAsync(status, answer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task URLs_that_Magic_Hour_offers_for_less_than_an_hour_are_not_returned()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CompleteAsync("j", Now);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        var posting = PostAsync(http);
        await Refreshes(database).AnswerNextAsync(Refreshing.Offer("j", Now.AddMinutes(30)));
        using var answer = await posting;

        await AssertFailureAsync(HttpStatusCode.BadGateway, answer);
    }

    [Fact]
    public async Task A_request_without_an_answer_ends_after_ten_seconds()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await database.CompleteAsync("j", Now);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await PostAsync(http);

        Assert.Contains("not answered", await AssertFailureAsync(HttpStatusCode.ServiceUnavailable, answer), StringComparison.Ordinal);
    }

    private static DownloadRefreshes Refreshes(TestDatabase database) => new(database.Source, TimeProvider.System);

    private static Task<HttpResponseMessage> PostAsync(HttpClient http, string id = "j") =>
        http.PostAsync(new Uri($"/jobs/{id}/downloads", UriKind.Relative), content: null, Cancel);

    private static Task<JsonElement> ReadAsync(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    private static void AssertOffers(JsonElement shown, string signature, DateTimeOffset? expiresAt)
    {
        Assert.Equal("j", Text(shown, "jobId"));
        var download = Assert.Single(shown.GetProperty("downloads").EnumerateArray());
        Assert.Equal((Refreshing.Url("j", signature), expiresAt?.ToString("O")), (Text(download, "url"), Text(download, "expiresAt")));
    }

    private static async Task<string> AssertFailureAsync(HttpStatusCode status, HttpResponseMessage answer)
    {
        var problem = await AssertProblemAsync(status, answer);
        Assert.Equal(DownloadRefreshes.Interval, answer.Headers.RetryAfter?.Delta);
        return Text(problem, "detail")!;
    }
}
