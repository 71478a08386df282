using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Platform.Contracts;

namespace Processor.Worker.Outbox;

/// <summary>The contracts published through the outbox. To add one: a line in <see cref="Types"/> and an attribute below.</summary>
internal static class DomainEvents
{
    private static readonly Dictionary<string, JsonTypeInfo> Types = new()
    {
        [nameof(JobStarted)] = DomainEventJson.Default.JobStarted,
        [nameof(JobCompleted)] = DomainEventJson.Default.JobCompleted,
        [nameof(JobFailed)] = DomainEventJson.Default.JobFailed,
        [nameof(JobCanceled)] = DomainEventJson.Default.JobCanceled,
    };

    public static string[] TypeNames { get; } = [.. Types.Keys];

    /// <returns>The contract's name, and its content as UTF-8.</returns>
    public static (string Type, byte[] Body) Serialize(object domainEvent)
    {
        var type = domainEvent.GetType().Name;
        return (type, JsonSerializer.SerializeToUtf8Bytes(domainEvent, Types[type]));
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JobStarted))]
[JsonSerializable(typeof(JobCompleted))]
[JsonSerializable(typeof(JobFailed))]
[JsonSerializable(typeof(JobCanceled))]
internal sealed partial class DomainEventJson : JsonSerializerContext;
