using System.Data;
using System.Text.Json;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// The conventional inbox, one message at a time, as in MassTransit's Entity Framework package: receive, consume, deliver the consumer's
/// messages, clean up, and a final check, each in a transaction that locks the message's row. That package cannot be restored here; this
/// code follows its statements.
/// </summary>
internal static class UsualContestant
{
    private const int InWork = 16;

    public static Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken) =>
        ConsumingHost.RunAsync<UsualConsumer>(
            options,
            services => services.AddDbContext<UsualDatabase>(builder => UsualDatabase.Configure(builder, options.Postgres)),
            cancellationToken,
            InWork);

    internal sealed class UsualConsumer(UsualDatabase database, Tally tally) : IConsumer<WebhookReceived>
    {
        public async Task Consume(ConsumeContext<WebhookReceived> context)
        {
            var message = context.Message;
            await ReceiveAsync(message, context.CancellationToken);
            await ConsumeAsync(message, context.CancellationToken);
            await DeliverAsync(context);
            await CleanUpAsync(message.EventId, context.CancellationToken);
            await InTransactionAsync(message.EventId, (_, _) => Task.CompletedTask, context.CancellationToken);
            tally.Count();
        }

        private async Task ReceiveAsync(WebhookReceived message, CancellationToken cancellationToken)
        {
            await using var transaction = await database.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            database.Inbox.Add(new UsualInboxState { MessageId = message.EventId, ReceivedAt = DateTimeOffset.UtcNow, ReceiveCount = 1 });
            await database.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        private Task ConsumeAsync(WebhookReceived message, CancellationToken cancellationToken) => InTransactionAsync(
            message.EventId,
            async (state, token) =>
            {
                await database.ApplyAsync(
                    new UsualEvent
                    {
                        EventId = message.EventId,
                        EventType = message.EventType,
                        JobId = message.JobId,
                        ReceivedAt = message.ReceivedAt,
                        Body = message.Body.ToArray(),
                    },
                    token);
                database.Outbox.Add(new UsualOutboxMessage { MessageId = message.EventId, Body = JsonSerializer.Serialize(Announce(message)) });
                state.ConsumedAt = DateTimeOffset.UtcNow;
            },
            cancellationToken);

        private Task DeliverAsync(ConsumeContext<WebhookReceived> context) => InTransactionAsync(
            context.Message.EventId,
            async (state, token) =>
            {
                foreach (var row in await database.Outbox.Where(row => row.MessageId == context.Message.EventId).ToListAsync(token))
                {
                    await context.Publish(JsonSerializer.Deserialize<JobStarted>(row.Body)!, token);
                }

                state.DeliveredAt = DateTimeOffset.UtcNow;
            },
            context.CancellationToken);

        private Task CleanUpAsync(Guid messageId, CancellationToken cancellationToken) => InTransactionAsync(
            messageId,
            async (_, token) => database.Outbox.RemoveRange(await database.Outbox.Where(row => row.MessageId == messageId).ToListAsync(token)),
            cancellationToken);

        private async Task InTransactionAsync(
            Guid messageId, Func<UsualInboxState, CancellationToken, Task> work, CancellationToken cancellationToken)
        {
            database.ChangeTracker.Clear();
            await using var transaction = await database.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            var state = await database.Inbox
                .FromSql($"""select * from inbox where "MessageId" = {messageId} for update""")
                .SingleAsync(cancellationToken);
            await work(state, cancellationToken);
            await database.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        private static JobStarted Announce(WebhookReceived message) =>
            new() { JobId = message.JobId, Resource = "video", StartedAt = message.ReceivedAt };
    }
}
