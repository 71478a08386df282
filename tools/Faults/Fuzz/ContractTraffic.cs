using System.Text;
using Npgsql;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Platform.Faults.Fuzz;

/// <summary>Publishes contract messages as any service could, and determines the fate of each.</summary>
public sealed class ContractTraffic(string rabbitMq, NpgsqlDataSource database)
{
    private readonly ConnectionFactory _broker = new() { Uri = new Uri(rabbitMq) };

    /// <summary>All queues without a consumer.</summary>
    private static IEnumerable<string> ParkingQueues => Topology.Queues.Keys.Except([Topology.WebhookReceivedQueue, Topology.RegisterJobQueue]);

    /// <summary>Returns once each message is in its queue.</summary>
    public async Task PublishAsync(IEnumerable<ContractMessage> messages, CancellationToken cancellationToken)
    {
        await using var connection = await _broker.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        await Task.WhenAll(messages.Select(message => channel.BasicPublishAsync(
            message.Exchange, "", mandatory: true,
            new BasicProperties { MessageId = $"{message.MessageId}", ContentType = message.ContentType, Persistent = true, Headers = message.Headers },
            message.Content, cancellationToken).AsTask()));
    }

    /// <summary>Finds where each message is now, without consuming any.</summary>
    public async Task<MessageFates> FindAsync(IEnumerable<ContractMessage> messages, CancellationToken cancellationToken)
    {
        var parked = await ReadParkedAsync(cancellationToken);
        var consumed = await ReadAsync<Guid>("select message_id from inbox_state", cancellationToken);
        var registered = await ReadAsync<string>("select job_id from job_registrations", cancellationToken);
        var reported = await ReadAsync<long>("select source from publish_sources", cancellationToken);
        return new MessageFates(
            messages.ToLookup(message =>
                parked.TryGetValue(message.MessageId, out var where) ? where.Queue : IsApplied(message) ? MessageFates.Applied : MessageFates.Nowhere),
            parked.ToDictionary(one => one.Key, one => one.Value.Reason));

        bool IsApplied(ContractMessage message) => message.Contract switch
        {
            nameof(RegisterJob) => message.Registers is { } job && registered.Contains(job),
            nameof(PublishesConfirmed) => message.Reports is { } source && reported.Contains(source),
            _ => consumed.Contains(message.InboxId),
        };
    }

    /// <summary>Finds parked messages that are not among these, with their reasons.</summary>
    public async Task<IReadOnlyList<string>> FindOthersParkedAsync(IEnumerable<ContractMessage> messages, CancellationToken cancellationToken)
    {
        var known = messages.Select(message => message.MessageId).ToHashSet();
        return [.. (await ReadParkedAsync(cancellationToken)).Where(one => !known.Contains(one.Key)).Select(one => $"{one.Value.Queue} {one.Key}: {one.Value.Reason}")];
    }

    /// <summary>Removes what reports of messages claim: they are about publishes that never were, which the accounts would miss for ever.</summary>
    public async Task ForgetReportsAsync(IEnumerable<ContractMessage> messages, CancellationToken cancellationToken)
    {
        long[] sources = [.. messages.Select(message => message.Reports).OfType<long>()];
        foreach (var table in (string[])["publish_periods", "ingress_answers"])
        {
            await using var command = database.CreateCommand($"delete from {table} where source = any($1)");
            command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = sources });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Purges the queues of parked messages.</summary>
    public async Task PurgeAsync(CancellationToken cancellationToken)
    {
        await using var connection = await _broker.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var queue in ParkingQueues)
        {
            await channel.QueuePurgeAsync(queue, cancellationToken);
        }
    }

    private async Task<Dictionary<Guid, (string Queue, string? Reason)>> ReadParkedAsync(CancellationToken cancellationToken)
    {
        var parked = new Dictionary<Guid, (string, string?)>();
        await using var connection = await _broker.CreateConnectionAsync(cancellationToken);
        foreach (var queue in ParkingQueues)
        {
            // Fetched messages are requeued when the channel closes.
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            while (await channel.BasicGetAsync(queue, autoAck: false, cancellationToken) is { } message)
            {
                parked[Guid.Parse(message.BasicProperties.MessageId!)] = (queue, ReadReason(message.BasicProperties.Headers));
            }
        }

        return parked;
    }

    private static string? ReadReason(IDictionary<string, object?>? headers) =>
        headers is not null && headers.TryGetValue("MT-Fault-Message", out var value) && value is byte[] { Length: > 0 } reason
            ? Encoding.UTF8.GetString(reason)
            : null;

    private async Task<HashSet<T>> ReadAsync<T>(string sql, CancellationToken cancellationToken)
        where T : notnull
    {
        await using var command = database.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var values = new HashSet<T>();
        while (await rows.ReadAsync(cancellationToken))
        {
            values.Add(rows.GetFieldValue<T>(0));
        }

        return values;
    }
}

/// <summary>The fate of messages.</summary>
/// <param name="ByPlace">Messages by the queue in which they are parked, or <see cref="Applied"/>, or <see cref="Nowhere"/>.</param>
/// <param name="Reasons">Why each parked message was parked, by its id; null for one without a reason.</param>
public sealed record MessageFates(ILookup<string, ContractMessage> ByPlace, IReadOnlyDictionary<Guid, string?> Reasons)
{
    public const string Applied = "applied";

    /// <summary>Still in flight, or lost.</summary>
    public const string Nowhere = "nowhere";

    private static readonly string[] Expected = [Applied, Topology.ErrorQueue, Topology.RegisterJobErrorQueue];

    /// <summary>Messages that are neither applied nor parked with a reason. A message of an unknown type is skipped, which raises an alert.</summary>
    public IReadOnlyList<string> Faults =>
    [
        .. ByPlace.Where(place => !Expected.Contains(place.Key)).SelectMany(place => place.Where(one => !IsSkippedRightly(place.Key, one)).Select(one => $"{place.Key}: {one}")),
        .. Expected.Skip(1).SelectMany(place => ByPlace[place]).Where(one => Reasons[one.MessageId] is null).Select(one => $"without a reason: {one}"),
    ];

    /// <summary>Each parked message with its reason.</summary>
    public IEnumerable<string> Parked =>
        ByPlace.SelectMany(place => place.Where(one => Reasons.ContainsKey(one.MessageId)).Select(one => $"{place.Key}: {one}: {Reasons[one.MessageId]}"));

    public override string ToString() => string.Join(", ", ByPlace.OrderBy(place => place.Key, StringComparer.Ordinal).Select(place => $"{place.Count()} {place.Key}"));

    private static bool IsSkippedRightly(string place, ContractMessage message) =>
        place.EndsWith("_skipped", StringComparison.Ordinal)
        && !Encoding.UTF8.GetString(message.Content.Span).Contains($"urn:message:Platform.Contracts:{message.Contract}", StringComparison.Ordinal);
}
