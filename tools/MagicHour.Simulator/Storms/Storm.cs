using System.Net.Sockets;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>
/// Sends the deliveries of a plan like Magic Hour: each at its planned time, whether or not others were answered, and again until it is
/// answered 2xx.
/// </summary>
public sealed class Storm : IDisposable
{
    // Far above what a healthy platform leaves open; it only keeps an unresponsive one from exhausting the storm's sockets.
    private const int MostOpenRequests = 2000;

    // The sender would retry a body that is not an event for 24 hours and get 400 each time; two attempts suffice.
    private const int AttemptsOfNoEvent = 2;

    private readonly StormPlan _plan;
    private readonly StormEndpoint[] _endpoints;
    private readonly TimeProvider _time;
    private readonly RetrySchedule _retries;
    private readonly SemaphoreSlim _slots = new(MostOpenRequests);
    private long _began;

    /// <param name="targets">One target for each endpoint of the plan.</param>
    public Storm(StormPlan plan, IReadOnlyList<StormTarget> targets, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(targets.Count, plan.Settings.Endpoints);
        _plan = plan;
        _endpoints = [.. targets.Select(target => new StormEndpoint(target, time))];
        _time = time;
        _retries = new RetrySchedule(plan.Settings.TimeCompression, plan.Settings.ShortestGap);
        Ledger = new Ledger(plan.Settings, plan.JobIdPrefix, plan.Events);
    }

    /// <summary>The outcome so far; complete once <see cref="RunAsync"/> has ended, successfully or not.</summary>
    public Ledger Ledger { get; }

    public StormProgress Progress { get; } = new();

    private TimeSpan Elapsed => _time.GetElapsedTime(_began);

    private TimeSpan GivesUpAfter => _plan.Settings.GiveUpAfter ?? TimeSpan.MaxValue;

    /// <summary>Returns once every delivery was answered 2xx or given up. A storm runs once.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _began = _time.GetTimestamp();
        var deliveries = new List<Task>();
        try
        {
            for (var i = 0; i < _plan.Deliveries.Count && _plan.Deliveries[i].At <= GivesUpAfter; i++)
            {
                await WaitUntilAsync(_plan.Deliveries[i].At, cancellationToken);
                deliveries.Add(DeliverAsync(i, cancellationToken));
            }
        }
        finally
        {
            // Requests still open on cancellation are recorded too.
            await Task.WhenAll(deliveries);
        }
    }

    public void Dispose()
    {
        Array.ForEach(_endpoints, endpoint => endpoint.Dispose());
        _slots.Dispose();
    }

    private async Task WaitUntilAsync(TimeSpan moment, CancellationToken cancellationToken)
    {
        if (moment - Elapsed is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, _time, cancellationToken);
        }
    }

    private async Task DeliverAsync(int index, CancellationToken cancellationToken)
    {
        var delivery = _plan.Deliveries[index];
        var first = Elapsed;
        var signature = Sign(delivery.Age);
        for (var attempts = 1; ; attempts++)
        {
            var status = await AttemptAsync(index, signature, cancellationToken);
            var elapsed = Elapsed;
            if (IsOver(delivery, status, attempts)
                || _retries.NextGap(attempts, elapsed - first) is not { } gap
                || elapsed + gap > GivesUpAfter)
            {
                return;
            }

            await PauseAsync(gap, cancellationToken);
            signature = delivery.ReSign ? Sign(TimeSpan.Zero) : signature;
        }
    }

    private bool IsOver(PlannedDelivery delivery, int? status, int attempts) => _plan.Events[delivery.Event] switch
    {
        { Expected: Expectation.Refused } => true,
        { Expected: Expectation.QuarantinedWith400 } when status is 400 => attempts >= AttemptsOfNoEvent,
        var webhook => webhook.IsAccepted(status),
    };

    private StormSignature Sign(TimeSpan age) => new(_time.GetUtcNow() - age, IsAfterRotation: Elapsed > _plan.Duration / 2);

    private async Task PauseAsync(TimeSpan gap, CancellationToken cancellationToken)
    {
        Progress.WaitsForRetry();
        try
        {
            await Task.Delay(gap, _time, cancellationToken);
        }
        finally
        {
            Progress.Retries();
        }
    }

    private async Task<int?> AttemptAsync(int index, StormSignature signature, CancellationToken cancellationToken)
    {
        var delivery = _plan.Deliveries[index];
        if (!_slots.Wait(0, CancellationToken.None))
        {
            Progress.WasFull();
            await _slots.WaitAsync(cancellationToken);
        }

        Progress.Began();
        var at = _time.GetUtcNow();
        var began = _time.GetTimestamp();
        var status = await PostAsync(delivery, signature, cancellationToken);
        _slots.Release();
        Progress.Ended(status);
        Ledger.Record(new Attempt
        {
            Delivery = index,
            Event = delivery.Event,
            Body = delivery.Body,
            Endpoint = delivery.Endpoint,
            At = at,
            SignedAt = signature.At,
            Duration = _time.GetElapsedTime(began),
            Status = status,
        });
        cancellationToken.ThrowIfCancellationRequested();
        return status;
    }

    private async Task<int?> PostAsync(PlannedDelivery delivery, StormSignature signature, CancellationToken cancellationToken)
    {
        try
        {
            var body = _plan.Events[delivery.Event].Bodies[delivery.Body];
            using var response = await _endpoints[delivery.Endpoint].SendAsync(delivery, body, signature, cancellationToken);
            return (int)response.StatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or OperationCanceledException)
        {
            // A connection reset during connect surfaces as a socket error.
            return null;
        }
    }
}
