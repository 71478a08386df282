using System.Collections;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Inbox;
using Processor.Worker.Outbox;

namespace Processor.Worker.Tests;

/// <summary>The number of database commands per group: it does not depend on the machine, and determines the cost of an event.</summary>
public sealed class CountingCommandsTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(1)]
    [InlineData(200)]
    public async Task A_group_is_one_commit_and_nine_commands_however_many_events_it_has(int events)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var sent = new SentCommands();
        await using var source = new NpgsqlDataSourceBuilder(database.ConnectionString)
            .UseLoggerFactory(LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(sent)))
            .Build();
        var transaction = new GroupTransaction(source, new OutboxSignal(TimeProvider.System), TimeProvider.System);
        var group = Enumerable.Range(0, events).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"job-{i}"))).ToArray();

        var plan = await transaction.CommitAsync(group, TestContext.Current.CancellationToken);

        Assert.Equal(events, plan.Outcomes.Count(outcome => outcome is CommitOutcome.New));
        // Lock, claim, read the tombstones, read the known state; events, bodies, jobs, outbox, notifications. Npgsql does not count the commit as a command.
        Assert.Equal((1, 9), (sent.Commits, sent.Commands));
    }

    [Fact]
    public async Task Numbered_events_cost_one_command_more()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var sent = new SentCommands();
        await using var source = new NpgsqlDataSourceBuilder(database.ConnectionString)
            .UseLoggerFactory(LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(sent)))
            .Build();
        var transaction = new GroupTransaction(source, new OutboxSignal(TimeProvider.System), TimeProvider.System);

        await transaction.CommitAsync(
            [.. Enumerable.Range(1, 200).Select(i => Deliveries.Numbered(new PublishNumber(1, i)))], TestContext.Current.CancellationToken);

        Assert.Equal((1, 10), (sent.Commits, sent.Commands));
    }

    /// <summary>Counts the commands that Npgsql reports as sent.</summary>
    private sealed class SentCommands : ILoggerProvider, ILogger
    {
        public int Commands { get; private set; }

        public int Commits { get; private set; }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Commits += eventId.Name is "CommittedTransaction" ? 1 : 0;
            if (eventId.Name is "BatchExecutionCompleted" && state is IEnumerable<KeyValuePair<string, object?>> values)
            {
                Commands += values.Where(value => value.Key is "BatchCommands").Sum(value => ((ICollection)value.Value!).Count);
            }
        }

        public void Dispose()
        {
        }
    }
}
