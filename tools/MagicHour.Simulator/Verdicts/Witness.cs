using System.Diagnostics;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>Reads the tables and queues once the platform has settled.</summary>
internal sealed class Witness : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);
    private static readonly string[] ParkedQueues = [Topology.ErrorQueue, Topology.SkippedQueue, Topology.DeadLetterQueue];

    private readonly Ledger _ledger;
    private readonly VerdictOptions _options;
    private readonly NpgsqlDataSource _database;
    private readonly Tables _tables;
    private readonly Queues _queues;

    private Witness(Ledger ledger, VerdictOptions options, NpgsqlDataSource database, Queues queues)
    {
        _ledger = ledger;
        _options = options;
        _database = database;
        _tables = new Tables(database, ledger);
        _queues = queues;
    }

    public static async Task<Witness> ConnectAsync(
        Ledger ledger, string postgres, string rabbitMq, VerdictOptions options, CancellationToken cancellationToken)
    {
        var queues = await Queues.ConnectAsync(rabbitMq, cancellationToken);
        return new Witness(ledger, options, PostgresServer.Open(postgres), queues);
    }

    /// <summary>Waits while there is progress.</summary>
    /// <returns>False when nothing changed for the configured patience although something is missing or still in flight.</returns>
    public async Task<bool> SettleAsync(CancellationToken cancellationToken)
    {
        var last = new TableCounts(0, 0, 0, 0, 0, 0);
        var fewestWaiting = uint.MaxValue;
        for (var unchanged = Stopwatch.StartNew(); unchanged.Elapsed < _options.Patience; await Task.Delay(Poll, cancellationToken))
        {
            var counts = await _tables.CountAsync(cancellationToken);
            var waiting = await _queues.CountAsync(Topology.WebhookReceivedQueue, cancellationToken);
            if (last != counts || waiting < fewestWaiting)
            {
                (last, fewestWaiting) = (counts, Math.Min(waiting, fewestWaiting));
                unchanged.Restart();
            }

            var seemsDone = waiting == 0 && counts.Outbox == 0 && (_options.Notified is null || counts.Unnotified == 0) && unchanged.Elapsed >= _options.Calm;
            if (seemsDone && await HasEverythingAsync(cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads the evidence.</summary>
    public Task<Evidence> LookAsync(CancellationToken cancellationToken) =>
        ReadAsync([.. ParkedQueues, Topology.WebhookReceivedQueue], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _queues.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>An empty queue is not enough: a worker may hold messages that it could not commit yet.</summary>
    private async Task<bool> HasEverythingAsync(CancellationToken cancellationToken) =>
        new Judgement(_ledger, await ReadAsync(ParkedQueues, cancellationToken), _options).IsWhole;

    private async Task<Evidence> ReadAsync(string[] queues, CancellationToken cancellationToken)
    {
        var evidence = await _tables.ReadAsync(cancellationToken);
        var ids = new Dictionary<string, IReadOnlySet<Guid>>();
        foreach (var queue in queues)
        {
            ids[queue] = await _queues.PeekAsync(queue, cancellationToken);
        }

        return evidence with { Queues = ids };
    }
}
