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

    /// <summary>Every notification as <c>outcome channel status</c>.</summary>
    public static Task<string[]> NotificationsAsync(this TestDatabase database) =>
        database.QueryAsync("select outcome || ' ' || channel || ' ' || status from notifications order by outcome, channel");
}
