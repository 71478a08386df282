using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>The operations API returns a receiver's own keys.</summary>
public sealed class ReceiverSecretsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_receiver_gets_the_keys_of_its_own_origin_and_that_is_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri("/webhook-secret?url=https%3A%2F%2FEXAMPLE.com%2Fhooks%3Fa%3Db", UriKind.Relative), Cancel);
        var shown = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);

        Assert.True(answer.Headers.CacheControl?.NoStore);
        Assert.Equal("https://example.com:443", shown.GetProperty("audience").GetString());
        // The vectors of WebhookSecretTests.
        Assert.Equal(
            ["whsec_+lbvkg5xjcJbIrQmpQHTOZekQ5rD88EDrlA48LgOV7E=", "whsec_xIXbgKNPF8lxHhh8GsjTtLSWAERgCAx13+1vUcRm1Xo="],
            shown.GetProperty("secrets").EnumerateArray().Select(secret => secret.GetString()));
        Assert.Equal(
            ["raw webhook-secret https://example.com:443 done 2"],
            await database.QueryAsync("select concat_ws(' ', action, target, outcome, count) from audit_log"));
    }

    [Theory]
    [InlineData("https://example.com/", null, HttpStatusCode.Unauthorized)]
    [InlineData("https://example.com/", "another", HttpStatusCode.Unauthorized)]
    [InlineData("ftp://example.com/", Key, HttpStatusCode.BadRequest)]
    [InlineData("https://user:password@example.com/", Key, HttpStatusCode.BadRequest)]
    [InlineData("/hooks", Key, HttpStatusCode.BadRequest)]
    [InlineData("", Key, HttpStatusCode.BadRequest)]
    public async Task Without_an_api_key_or_a_usable_address_no_key_is_shown(string url, string? key, HttpStatusCode status)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, key);

        using var answer = await http.GetAsync(new Uri($"/webhook-secret?url={Uri.EscapeDataString(url)}", UriKind.Relative), Cancel);

        await AssertProblemAsync(status, answer);
    }
}
