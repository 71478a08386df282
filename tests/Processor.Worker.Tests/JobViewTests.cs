
namespace Processor.Worker.Tests;

/// <summary>The representation of a job in the API.</summary>
public sealed class JobViewTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_expiry_that_stands_for_none_is_not_shown()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/1","expires_at":"0001-01-01T00:00:00Z"},{"url":"https://v/2","expires_at":"soon"}]} }""")));

        var shown = await database.Jobs.FindAsync("j", TestContext.Current.CancellationToken);

        Assert.Equal([null, "soon"], shown!.Downloads.Select(file => file.ExpiresAt));
    }
}
