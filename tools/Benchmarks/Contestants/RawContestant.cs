using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Outbox;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// The limit of the raw clients of broker and database: for 200 deliveries one round trip, one transaction with the worker's set-based
/// commands, and one acknowledgement. It does not read existing rows, so it is not an inbox.
/// </summary>
internal sealed class RawContestant(NpgsqlDataSource database, IChannel channel)
{
    private const ushort Prefetch = 400;
    private const int GroupSize = 200;

    private readonly Channel<(UnitOfWork Unit, ulong Tag)> _delivered = Channel.CreateUnbounded<(UnitOfWork, ulong)>();

    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        var connectionString = new NpgsqlConnectionStringBuilder(options.Postgres) { Options = "-c jit=off", MaxAutoPrepare = 32 };
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var connection = await options.ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        await new RawContestant(database, channel).ConsumeAsync(options.Messages, cancellationToken);
        // The bench reads its usage, and then ends it.
        await Task.Delay(Timeout.Infinite, cancellationToken);
        return 0;
    }

    private async Task ConsumeAsync(int messages, CancellationToken cancellationToken)
    {
        await channel.BasicQosAsync(0, Prefetch, global: false, cancellationToken);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += OnReceivedAsync;
        await channel.BasicConsumeAsync(Topology.WebhookReceivedQueue, autoAck: false, consumer, cancellationToken);
        Announcement.Ready();
        for (var left = messages; left > 0;)
        {
            var group = new List<UnitOfWork>(GroupSize);
            var lastTag = 0ul;
            while (group.Count < Math.Min(GroupSize, left))
            {
                (var unit, lastTag) = await _delivered.Reader.ReadAsync(cancellationToken);
                group.Add(unit);
            }

            await WriteAsync(group, cancellationToken);
            await channel.BasicAckAsync(lastTag, multiple: true, cancellationToken);
            left -= group.Count;
        }
    }

    private Task OnReceivedAsync(object sender, BasicDeliverEventArgs delivery)
    {
        var envelope = JsonSerializer.Deserialize(delivery.Body.Span, EnvelopeJson.Default.ReceivedEnvelope)!;
        var unit = new UnitOfWork();
        unit.Begin(envelope.Message.EventId, Guid.Empty, trace: default);
        unit.Store(envelope.Message);
        _delivered.Writer.TryWrite((unit, delivery.DeliveryTag));
        return Task.CompletedTask;
    }

    private async Task WriteAsync(List<UnitOfWork> group, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var plan = new GroupPlan(group, [.. group.Select(unit => unit.MessageId)], erased: [], known: [], now);
        var claims = group
            .Select(unit => new InboxState { MessageId = unit.MessageId, ConsumerId = unit.ConsumerId, ConsumedAt = now })
            .OrderBy(claim => claim.MessageId)
            .ToArray();
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(InboxState.Claim(claims));
        batch.BatchCommands.Add(WebhookEvent.Insert(plan.Events));
        batch.BatchCommands.Add(WebhookBody.Insert(plan.Bodies));
        batch.BatchCommands.Add(Job.Upsert(plan.Jobs));
        batch.BatchCommands.Add(OutboxMessage.Insert(plan.Outbox));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>The part of the envelope that is read here.</summary>
internal sealed record ReceivedEnvelope(WebhookReceived Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReceivedEnvelope))]
internal sealed partial class EnvelopeJson : JsonSerializerContext;
