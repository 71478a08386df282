using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Platform.IntegrationTests;

/// <summary>What the tests send: an event as Magic Hour does, a registration as the application does.</summary>
internal static class Messages
{
    /// <summary>The body of a job that is completed; of any job when none is named.</summary>
    public static byte[] NewEvent(string? jobId = null) => NewEvent("video.completed", jobId);

    public static byte[] NewEvent(string type, string? jobId) => MagicHourEvent.Create(type, jobId, TimeProvider.System.GetUtcNow()).Body;

    /// <summary>Each of another job.</summary>
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
