using Platform.Contracts;
using Processor.Worker.Registration;

namespace Processor.Worker.Tests;

/// <summary>Registrations as applications send them.</summary>
internal static class Owners
{
    public static RegisterJob Register(
        string jobId, string? email = "ada@example.com", string? webhookUrl = null, DateTimeOffset? at = null, string userId = "ada") => new()
        {
            JobId = jobId,
            Resource = "video",
            UserId = userId,
            Email = email,
            WebhookUrl = webhookUrl,
            RegisteredAt = at ?? Deliveries.Noon,
        };

    public static Task<bool> RegisterAsync(this TestDatabase database, RegisterJob registration) =>
        new JobRegistrar(database.Source, TimeProvider.System).RegisterAsync(registration, TestContext.Current.CancellationToken);

    /// <summary>Jobs that have ended: each with a notification by webhook that is due, and with a domain event.</summary>
    public static async Task<TestDatabase> CreateDueAsync(this PostgresFixture postgres, int count, string webhookUrl = "https://example.com")
    {
        var database = await postgres.CreateDatabaseAsync();
        foreach (var jobId in Enumerable.Range(0, count).Select(i => $"job-{i}"))
        {
            await database.RegisterAsync(Register(jobId, email: null, webhookUrl));
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", jobId)));
        }

        // The clock of those who take them stands still.
        await database.ExecuteAsync("update notifications set next_attempt_at = next_attempt_at - interval '1 hour'");
        return database;
    }

    /// <summary>Every notification as <c>outcome channel status</c>.</summary>
    public static Task<string[]> NotificationsAsync(this TestDatabase database) =>
        database.QueryAsync("select outcome || ' ' || channel || ' ' || status from notifications order by outcome, channel");
}
