using System.Runtime.CompilerServices;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Events;

namespace Processor.Worker.Release;

/// <summary>
/// The bodies in <c>quarantined_events</c>, read by the current rules: some that an earlier version could not use may be usable now.
/// Those are published as the ingress would have; the rest stays.
/// </summary>
internal sealed class QuarantinedBodies(NpgsqlDataSource database, BrokerPublisher publisher, TimeProvider time) : IParkingPlace<QuarantinedBody>
{
    /// <summary>Rows in memory at once; each body may be as large as the largest webhook.</summary>
    private const int ChunkSize = 100;

    public string Name => "quarantined_events";

    public async Task<long> CountAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select count(*) from quarantined_events where discarded_at is null");
        return (long)(await command.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    public async IAsyncEnumerable<IReadOnlyList<QuarantinedBody>> ReadAsync(long count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        byte[] last = [];
        for (var left = count; left > 0; left -= ChunkSize)
        {
            var chunk = await ReadChunkAsync(last, cancellationToken);
            if (chunk.Count == 0)
            {
                yield break;
            }

            last = chunk[^1].Row.BodySha256;
            yield return chunk;
        }
    }

    public async Task PublishAsync(QuarantinedBody message, CancellationToken cancellationToken)
    {
        var first = ProcessorTraces.ParentOf(message.Row.TraceId);
        using var activity = ProcessorTraces.StartRelease(first);
        var envelope = Envelope.Create(message.ToEvent(), time.GetUtcNow());
        await publisher.PublishAsync(envelope, activity?.Id ?? first, mandatory: true, cancellationToken);
    }

    public async Task SettleAsync(IReadOnlyList<QuarantinedBody> released, IReadOnlyList<QuarantinedBody> kept, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var command = QuarantinedEvent.Delete([.. released.Select(body => body.Row)]);
        command.Connection = connection;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async Task DiscardAsync(IReadOnlyList<QuarantinedBody> discarded, IReadOnlyList<QuarantinedBody> kept, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(QuarantinedEvent.Discard([.. discarded.Select(body => body.Row)], time.GetUtcNow()));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<QuarantinedBody>> ReadChunkAsync(byte[] after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var command = QuarantinedEvent.SelectAfter(after, ChunkSize);
        command.Connection = connection;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var chunk = new List<QuarantinedBody>();
        while (await reader.ReadAsync(cancellationToken))
        {
            chunk.Add(QuarantinedBody.From(QuarantinedEvent.Read(reader)));
        }

        return chunk;
    }
}
