using System.Collections.Concurrent;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>Follows jobs and sends the events of their start and end.</summary>
/// <param name="speed">Divides the delay of late events.</param>
internal sealed class JobEvents(WebhookDelivery delivery, ProjectAnswer projects, double speed, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, Task> _running = new();

    public void Follow(SimulatedJob job) => _running[job.Id] = FollowAsync(job, _stopping.Token);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        try
        {
            await Task.WhenAll(_running.Values);
        }
        catch (OperationCanceledException)
        {
            // Their events are no longer sent.
        }

        _stopping.Dispose();
    }

    private async Task FollowAsync(SimulatedJob job, CancellationToken cancellationToken)
    {
        // The status at the planned time, so that a late timer changes nothing.
        await WaitUntilAsync(job.StartsAt, cancellationToken);
        var started = job.StatusAt(job.StartsAt) is JobStatus.Rendering ? SendAsync(job, "started", job.Fate.StartedEvent, cancellationToken) : Task.CompletedTask;
        await WaitUntilAsync(job.EndsAt, cancellationToken);
        var ended = FindEnd(job) is { } action ? SendAsync(job, action, job.Fate.EndEvent, cancellationToken) : Task.CompletedTask;
        await Task.WhenAll(started, ended);
        _running.TryRemove(job.Id, out _);
    }

    private static string? FindEnd(SimulatedJob job) => job.StatusAt(job.EndsAt) switch
    {
        JobStatus.Complete => job.Fate.Reported is ReportedEnd.Errored ? "errored" : "completed",
        JobStatus.Error => job.Fate.Reported is ReportedEnd.Completed ? "completed" : "errored",
        _ => null,
    };

    private async Task SendAsync(SimulatedJob job, string action, EventFate fate, CancellationToken cancellationToken)
    {
        var due = new JobEvent($"{job.Tool.Kind}.{action}");
        job.Add(due);
        // The payload describes the job at the time of the event, even when it is sent later.
        var content = MagicHourEvent.Create(due.Type, projects.Describe(job, time.GetUtcNow()));
        if (fate is EventFate.Lost)
        {
            due.State = EventState.Lost;
            return;
        }

        if (fate is EventFate.Late)
        {
            await Task.Delay(job.Fate.LateBy / speed, time, cancellationToken);
        }

        await delivery.DeliverAsync(due, content, cancellationToken);
    }

    private Task WaitUntilAsync(DateTimeOffset moment, CancellationToken cancellationToken) =>
        moment - time.GetUtcNow() is var left && left > TimeSpan.Zero ? Task.Delay(left, time, cancellationToken) : Task.CompletedTask;
}
