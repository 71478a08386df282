using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Platform.IntegrationTests;

/// <summary>Messages for the tests: events as Magic Hour sends them, and registrations as the application does.</summary>
internal static class Messages
{
    /// <summary>The body of a completed job; of a random job when none is given.</summary>
    public static byte[] NewEvent(string? jobId = null) => NewEvent("video.completed", jobId);

    public static byte[] NewEvent(string type, string? jobId) => MagicHourEvent.Create(type, jobId, TimeProvider.System.GetUtcNow()).Body;

    /// <summary>Each body belongs to a different job.</summary>
    public static byte[][] NewEvents(int count) => [.. Enumerable.Range(0, count).Select(_ => NewEvent())];

    public static RegisterJob Register(string jobId, string? email, string? webhookUrl) => new()
    {
        JobId = jobId,
        Resource = "video",
        UserId = "ada",
        Email = email,
        WebhookUrl = webhookUrl,
        RegisteredAt = TimeProvider.System.GetUtcNow(),
    };
}
