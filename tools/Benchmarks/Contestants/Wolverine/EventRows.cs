using Npgsql;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Jobs;

namespace Platform.Benchmarks.Contestants.Wolverine;

/// <summary>
/// The rows of messages, written by the worker's commands in one transaction and one round trip. A message that is handled again, because its
/// process was killed before it said so, changes nothing. Rows of known events are not read.
/// </summary>
internal static class EventRows
{
    private const string OnlyOnce = " on conflict do nothing";

    public static async Task WriteAsync(NpgsqlDataSource database, IReadOnlyList<WebhookReceived> received, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var events = new List<WebhookEvent>(received.Count);
        var bodies = new List<WebhookBody>(received.Count);
        var facts = new SortedDictionary<string, List<JobFact>>(StringComparer.Ordinal);
        foreach (var message in received)
        {
            var fact = JobPayload.Read(message.EventType, message.ReceivedAt, message.Body);
            events.Add(Event(message, fact, now));
            bodies.Add(new WebhookBody { EventId = message.EventId, Variant = 0, ReceivedAt = message.ReceivedAt, Body = message.Body });
            if (fact is null)
            {
                continue;
            }

            if (!facts.TryGetValue(message.JobId, out var known))
            {
                facts.Add(message.JobId, known = []);
            }

            known.Add(fact);
        }

        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(Once(WebhookEvent.Insert(events)));
        batch.BatchCommands.Add(Once(WebhookBody.Insert(bodies)));
        // Sorted, so that two batches cannot block each other.
        batch.BatchCommands.Add(Job.Upsert([.. facts.Select(job => Job.From(job.Key, job.Value))]));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlBatchCommand Once(NpgsqlBatchCommand insert)
    {
        insert.CommandText += OnlyOnce;
        return insert;
    }

    private static WebhookEvent Event(WebhookReceived message, JobFact? fact, DateTimeOffset now) => new()
    {
        EventId = message.EventId,
        EventType = message.EventType,
        JobId = message.JobId,
        ReceivedAt = message.ReceivedAt,
        SentAt = message.SentAt,
        ProcessedAt = now,
        Late = message.Late,
        Origin = message.Origin,
        SecretName = message.SecretName,
        DeliveryId = message.DeliveryId,
        BodySha256 = Convert.FromHexString(message.BodySha256),
        Fact = fact?.ToJson(),
    };
}
