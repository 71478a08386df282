using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Processor.Worker.Events;

namespace Processor.Worker.Operations;

/// <summary>Examples for the description of the API, as the values that it reads and writes.</summary>
internal static class ApiExamples
{
    private static readonly DateTimeOffset At = new(2026, 11, 29, 9, 0, 12, TimeSpan.Zero);
    private static readonly Guid EventId = new("9393771b-625c-52d4-aacd-14b7678086ad");
    private static readonly string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>By the type of a request, or of the item of a list.</summary>
    public static IReadOnlyDictionary<Type, object> All { get; } = new object[]
    {
        new JobOwner("video", "user-7", "ada@example.com", "https://example.com/hooks"),
        new ResendRequest("the receiver is back"),
        new ParkedRequest("error", Group: "5b1f0c9d2e7a4438", Reason: "the trigger is fixed"),
        new ReplayRequest(new EventFilter { Type = "video.completed", From = At, To = At.AddHours(1) }, Reason: "billing lost them"),
        new EventItem(EventId, "video.completed", "clx123", At, At.AddMilliseconds(31), Late: false, "live", TraceId, Variants: 0),
        new JobItem("clx123", "video", "completed", "user-7", "TEXT_TO_VIDEO", At.AddMinutes(-3), At, Overdue: false),
        new ParkedGroupView(
            "5b1f0c9d2e7a4438", "Npgsql.PostgresException: P0001: job # is locked", Count: 4812, Usable: 4812, At, At.AddMinutes(41),
            [new ParkedSample($"{EventId}", "video.completed", "clx123", At, "Npgsql.PostgresException: P0001: job clx123 is locked")]),
        new ParkedResult(Preview: false, "Npgsql.PostgresException: P0001: job # is locked", Count: 4812, Kept: 0, IsComplete: true),
        new AuditItem(17, At, "api-key:ada", "release", "error group 5b1f0c9d2e7a4438", "the trigger is fixed", "done", 4812),
    }.ToDictionary(example => example.GetType());

    public static Task AddAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        if (All.TryGetValue(context.JsonTypeInfo.Type, out var example))
        {
            schema.Examples = [JsonSerializer.SerializeToNode(example, example.GetType(), Json)!];
        }

        return Task.CompletedTask;
    }
}
