using Platform.Simulator.Storms;

namespace Platform.Simulator.Tests;

/// <summary>A storm on an endpoint that answers as it likes.</summary>
public sealed class StormTests
{
    private static readonly StormEvent Completed = new("video.completed", "cm1", Expectation.Applied, ["{}"u8.ToArray()]);

    [Fact]
    public async Task What_is_not_answered_2xx_is_sent_again_until_it_is()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt switch { 1 => 503, 2 => 404, 3 => 302, _ => 204 });

        var ledger = await endpoint.TakeAsync(Plan(Completed));

        Assert.Equal([503, 404, 302, 204], ledger.Attempts.Select(attempt => attempt.Status));
        Assert.All(endpoint.Requests, request => Assert.Equal(Completed.Bodies[0], request.Body));
        Assert.All(endpoint.Requests, request => Assert.True(request.IsSignedWith(ScriptedEndpoint.Secret)));
        Assert.Equal((1, 0), (StormSummary.FromLedger(ledger).Accepted, StormSummary.FromLedger(ledger).GivenUp));
    }

    [Fact]
    public async Task An_attempt_without_an_answer_is_unknown_and_made_again()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt == 1 ? 0 : 200);

        var ledger = await endpoint.TakeAsync(Plan(Completed));

        Assert.Equal([null, 200], ledger.Attempts.Select(attempt => attempt.Status));
        Assert.All(ledger.Attempts, attempt => Assert.True(attempt.MayHaveHappened));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_retry_is_signed_again_or_keeps_its_first_signature(bool reSign)
    {
        // Pauses of more than a second in all: the timestamp, in seconds, cannot be the same.
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt <= 11 ? 503 : 200);

        await endpoint.TakeAsync(Plan(Completed, delivery => delivery with { ReSign = reSign }));

        Assert.Equal(reSign, endpoint.Requests[0].Signature != endpoint.Requests[^1].Signature);
    }

    [Fact]
    public async Task Arrivals_do_not_wait_for_answers()
    {
        const int events = 100;
        var arrived = 0;
        var allArrived = new TaskCompletionSource();
        await using var endpoint = await ScriptedEndpoint.StartAsync(async _ =>
        {
            if (Interlocked.Increment(ref arrived) == events)
            {
                allArrived.SetResult();
            }

            // No request is answered before the last one has arrived.
            await allArrived.Task;
            return 200;
        });

        var ledger = await endpoint.TakeAsync(Plan([.. Enumerable.Range(0, events).Select(i => Completed with { JobId = $"cm{i}" })]));

        Assert.Equal(events, ledger.Attempts.Count(attempt => attempt.Status == 200));
        Assert.Equal(events, endpoint.Requests.Count);
    }

    [Fact]
    public async Task From_the_middle_on_the_next_secret_signs()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);

        await endpoint.TakeAsync(
            Plan(
                [Completed, Completed with { JobId = "cm2" }],
                (delivery, index) => delivery with { At = TimeSpan.FromMilliseconds(index * 500) }),
            ScriptedEndpoint.NextSecret);

        Assert.True(endpoint.Requests[0].IsSignedWith(ScriptedEndpoint.Secret));
        Assert.True(endpoint.Requests[1].IsSignedWith(ScriptedEndpoint.NextSecret));
    }

    [Theory]
    [InlineData(Irregularity.WrongSecret)]
    [InlineData(Irregularity.AlteredBody)]
    public async Task A_forgery_is_tried_once_under_a_signature_that_is_not_its_own(Irregularity how)
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 401);

        var ledger = await endpoint.TakeAsync(
            Plan(Completed with { Expected = Expectation.Refused }, delivery => delivery with { Irregularity = how }));

        Assert.False(Assert.Single(endpoint.Requests).IsSignedWith(ScriptedEndpoint.Secret));
        Assert.Equal(0, StormSummary.FromLedger(ledger).GivenUp);
    }

    [Fact]
    public async Task A_forgery_that_is_answered_2xx_is_counted()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);

        var ledger = await endpoint.TakeAsync(Plan(Completed with { Expected = Expectation.Refused }));

        Assert.Equal(1, StormSummary.FromLedger(ledger).ForgeriesTaken);
    }

    [Fact]
    public async Task A_body_that_is_no_event_is_refused_twice_and_counts_as_kept()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 400);

        var ledger = await endpoint.TakeAsync(Plan(Completed with { Expected = Expectation.QuarantinedWith400 }));

        Assert.Equal([400, 400], ledger.Attempts.Select(attempt => attempt.Status));
        Assert.Equal(1, StormSummary.FromLedger(ledger).Accepted);
    }

    [Fact]
    public async Task Nothing_is_tried_after_the_storm_has_given_up()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 503);
        var plan = Plan(Completed);

        var ledger = await endpoint.TakeAsync(plan with { Settings = plan.Settings with { GiveUpAfter = TimeSpan.FromMilliseconds(150) } });

        Assert.InRange(ledger.Attempts.Count, 1, 2);
        Assert.Equal(1, StormSummary.FromLedger(ledger).GivenUp);
    }

    [Fact]
    public async Task A_storm_that_is_cancelled_has_written_down_what_was_open()
    {
        using var cancelled = new CancellationTokenSource();
        var never = new TaskCompletionSource<int>();
        await using var endpoint = await ScriptedEndpoint.StartAsync(async _ =>
        {
            await cancelled.CancelAsync();
            return await never.Task;
        });
        using var storm = new Storm(Plan(Completed), [endpoint.Target], TimeProvider.System);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => storm.RunAsync(cancelled.Token));
        never.SetResult(200);

        Assert.Null(Assert.Single(storm.Ledger.Attempts).Status);
    }

    [Fact]
    public async Task A_ledger_that_is_read_again_is_the_same()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt == 1 ? 0 : 200);
        var ledger = await endpoint.TakeAsync(StormPlan.Create(new StormSettings { Seed = 7, Events = 20 }, DateTimeOffset.UnixEpoch));
        var file = Path.GetTempFileName();

        await ledger.WriteAsync(file, TestContext.Current.CancellationToken);
        var again = await Ledger.ReadAsync(file, TestContext.Current.CancellationToken);
        File.Delete(file);

        Assert.Equal(ledger.Settings, again.Settings);
        Assert.Equal(ledger.JobIdPrefix, again.JobIdPrefix);
        Assert.Equal(Print(ledger), Print(again));
        Assert.Equal(ledger.Attempts, again.Attempts);
    }

    private static IEnumerable<string> Print(Ledger ledger) =>
        ledger.Events.Select(webhook => $"{webhook} {webhook.MessageId} {webhook.Expected} {string.Join(' ', webhook.BodyHashes)}");

    private static StormPlan Plan(StormEvent webhook, Func<PlannedDelivery, PlannedDelivery>? change = null) =>
        Plan([webhook], (delivery, _) => change?.Invoke(delivery) ?? delivery);

    /// <summary>One delivery of each event, at once.</summary>
    private static StormPlan Plan(IReadOnlyList<StormEvent> events, Func<PlannedDelivery, int, PlannedDelivery>? change = null)
    {
        var deliveries = events.Select((_, index) => new PlannedDelivery
        {
            Event = index,
            Body = 0,
            Endpoint = 0,
            At = TimeSpan.Zero,
            ReSign = true,
            Irregularity = Irregularity.None,
        });
        var changed = deliveries.Select((delivery, index) => change?.Invoke(delivery, index) ?? delivery);
        return new StormPlan(new StormSettings { ShortestGap = TimeSpan.FromMilliseconds(100) }, "cm", events, [.. changed]);
    }
}
