using Npgsql;
using Platform.DevStack;
using Processor.Worker.Outbox;

namespace Processor.Worker.Tests;

/// <summary>Two workers look for due rows at the same moment: exactly one of them takes each row.</summary>
public sealed class TwoInstancesTests(PostgresFixture postgres)
{
    private const int Rows = 40;

    // The default number of attempts that one dispatcher starts at once.
    private const int Chunk = 16;

    // Only a wait for a lock could take longer, and that would never end.
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_notification_that_one_is_sending_is_not_sent_by_the_other()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        await using var database = await postgres.CreateDueAsync(Rows, receiver.Url);
        await using var otherSource = NpgsqlDataSource.Create(database.ConnectionString);
        await using var otherDatabase = new TestDatabase(database.ConnectionString, otherSource, () => Task.CompletedTask);
        using var one = new NotificationHarness(database);
        using var other = new NotificationHarness(otherDatabase);
        using var channel = one.WebhooksToLoopback();
        using var otherChannel = other.WebhooksToLoopback();
        using var dispatcher = one.Dispatch(channel);
        using var otherDispatcher = other.Dispatch(otherChannel);
        var bothHaveBegun = new TaskCompletionSource();
        receiver.Answer = _ => bothHaveBegun.Task;

        var begun = await Task.WhenAll(dispatcher.BeginDueAsync(Cancel), otherDispatcher.BeginDueAsync(Cancel));
        bothHaveBegun.SetResult();
        await Task.WhenAll(dispatcher.FinishAsync(), otherDispatcher.FinishAsync());
        var rest = await Task.WhenAll(NotificationHarness.SendDueAsync(dispatcher), NotificationHarness.SendDueAsync(otherDispatcher));

        Assert.Equal([Chunk, Chunk], begun);
        Assert.Equal(Rows - Chunk - Chunk, rest.Sum());
        Assert.Equal((Rows, Rows), (receiver.Received.Count, receiver.Received.Select(webhook => webhook.Id).Distinct().Count()));
        Assert.Equal([$"{Rows}"], await database.QueryAsync("select count(*) from notifications where status = 'delivered' and attempts = 1"));
    }

    [Fact]
    public async Task A_notification_that_one_is_just_taking_is_left_to_it_and_the_other_does_not_wait()
    {
        await using var database = await postgres.CreateDueAsync(Rows);
        using var harness = new NotificationHarness(database);
        await using var one = await database.Source.OpenConnectionAsync(Cancel);
        await using var taking = await one.BeginTransactionAsync(Cancel);
        await using var take = new NpgsqlCommand($"select from notifications limit {Rows / 2} for update", one, taking);
        await take.ExecuteNonQueryAsync(Cancel);

        var taken = await harness.Queue.ClaimAsync("webhook", Rows, TimeSpan.FromMinutes(1), Cancel).WaitAsync(Soon, Cancel);
        // The worker dies before it has them.
        await taking.RollbackAsync(Cancel);
        var rest = await harness.Queue.ClaimAsync("webhook", Rows, TimeSpan.FromMinutes(1), Cancel);

        Assert.Equal((Rows / 2, Rows / 2), (taken.Count, rest.Count));
        Assert.Equal(Rows, taken.Concat(rest).Select(notification => notification.JobId).Distinct().Count());
    }

    [Fact]
    public async Task A_domain_event_that_one_is_publishing_is_not_published_by_the_other_unless_the_first_crashes()
    {
        await using var database = await postgres.CreateDueAsync(Rows);
        await using var one = await database.Source.OpenConnectionAsync(Cancel);
        await using var publishing = await one.BeginTransactionAsync(Cancel);
        await using var other = await database.Source.OpenConnectionAsync(Cancel);
        await using var alsoPublishing = await other.BeginTransactionAsync(Cancel);

        var first = await TakeOldestAsync(one, Rows / 2);
        var second = await TakeOldestAsync(other, Rows).WaitAsync(Soon, Cancel);
        await alsoPublishing.CommitAsync(Cancel);
        await publishing.RollbackAsync(Cancel);

        Assert.Equal((Rows / 2, Rows / 2), (first.Count, second.Count));
        Assert.Empty(first.Intersect(second));
        Assert.Equal(first.Order(), (await TakeOldestAsync(other, Rows)).Order());
    }

    private static async Task<List<Guid>> TakeOldestAsync(NpgsqlConnection connection, int limit)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { OutboxMessage.TakeOldest(limit, int.MaxValue) } };
        await using var reader = await batch.ExecuteReaderAsync(Cancel);
        var ids = new List<Guid>();
        while (await reader.ReadAsync(Cancel))
        {
            ids.Add(OutboxMessage.Read(reader).MessageId);
        }

        return ids;
    }
}
