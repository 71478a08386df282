using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>A committer that runs until the test ends.</summary>
internal sealed class RunningCommitter : IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly RefusalWatch _watch = new();
    private readonly GroupCommitter _committer;

    public RunningCommitter(TestDatabase database)
    {
        Outage = new DatabaseOutage(database.Source, Time, _watch);
        _committer = new GroupCommitter(
            database.Transaction, Outage, new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>()), Time, NullLogger<GroupCommitter>.Instance);
    }

    public FakeTimeProvider Time { get; } = new();

    public DatabaseOutage Outage { get; }

    /// <summary>Completes when the database has refused a group.</summary>
    public bool HasRefused => _watch.Refused.IsCompleted;

    public static async Task<RunningCommitter> StartAsync(TestDatabase database)
    {
        var committer = new RunningCommitter(database);
        await committer.StartAsync();
        return committer;
    }

    public Task StartAsync() => _committer.StartAsync(TestContext.Current.CancellationToken);

    public async Task<CommitOutcome> CommitAsync(UnitOfWork unit) => (await _committer.CommitAsync(unit)).Outcome;

    /// <summary>Returns once the database has refused a group.</summary>
    public Task RefusedAsync() => _watch.Refused.WaitAsync(TestContext.Current.CancellationToken);

    /// <summary>Advances the clock until the outage is over.</summary>
    public async Task EndAsync()
    {
        var end = Outage.WaitForEndAsync(TestContext.Current.CancellationToken);
        while (!end.IsCompleted)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _committer.StopAsync(CancellationToken.None);
        Outage.Dispose();
        await _services.DisposeAsync();
    }
}

/// <summary>Reports that a write was refused, which is logged once its next attempt is scheduled.</summary>
internal sealed class RefusalWatch : ILogger<DatabaseOutage>
{
    private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Refused => _refused.Task;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Name == "LogRefused")
        {
            _refused.TrySetResult();
        }
    }
}
