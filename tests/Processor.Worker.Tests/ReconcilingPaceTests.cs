using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Platform.Tests;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>When the API is asked, by a clock that the test controls.</summary>
public sealed class ReconcilingPaceTests
{
    private readonly FakeTimeProvider _time = new(Deliveries.Noon);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void The_first_check_is_after_three_times_the_median_of_the_tool_and_not_before_the_setting()
    {
        var checks = new CheckSchedule(TimeSpan.FromMinutes(2)).FirstChecks.ToDictionary();

        Assert.Equal(TimeSpan.FromSeconds(3 * 772), checks["video/VIDEO_TO_VIDEO"]);
        Assert.Equal(TimeSpan.FromSeconds(153), checks["video/TEXT_TO_VIDEO"]);
        Assert.Equal(TimeSpan.FromSeconds(351), checks["video"]);
        Assert.Equal((TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(2)), (checks["image"], checks["audio"]));
    }

    [Fact]
    public void For_a_compressed_sender_the_schedule_is_compressed_too()
    {
        var schedule = new CheckSchedule(TimeSpan.FromSeconds(1), scale: 0.01);

        Assert.Equal(TimeSpan.FromSeconds(3.51), schedule.FirstChecks.ToDictionary()["video"]);
        Assert.Equal((TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(36)), (schedule.GapAfter(1), schedule.GapAfter(100)));
    }

    [Fact]
    public async Task Ten_thousand_requests_take_33_minutes_and_no_second_has_more_than_five()
    {
        var budget = new RequestBudget(5, _time);
        var starts = new List<TimeSpan>();
        while (starts.Count < 10_000)
        {
            var taking = budget.TakeAsync(isUrgent: false, Cancel);
            while (!taking.IsCompleted)
            {
                _time.Advance(TimeSpan.FromMilliseconds(10));
            }

            starts.Add(_time.GetUtcNow() - Deliveries.Noon);
            (await taking).Dispose();
        }

        Assert.InRange(starts[^1], TimeSpan.FromMinutes(33), TimeSpan.FromMinutes(40));
        Assert.All(starts.Zip(starts.Skip(5)), pair => Assert.True(pair.Second - pair.First >= TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task A_request_that_hangs_uses_its_part_of_the_budget_for_two_seconds()
    {
        var budget = new RequestBudget(1, _time);
        using var hanging = await budget.TakeAsync(isUrgent: false, Cancel);

        var next = budget.TakeAsync(isUrgent: false, Cancel);
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Equal((false, 1.0), (next.IsCompleted, budget.Used));
        _time.Advance(TimeSpan.FromSeconds(0.1));
        (await next.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Cancel)).Dispose();
    }

    [Fact]
    public async Task A_request_for_which_someone_waits_goes_before_the_others()
    {
        var budget = new RequestBudget(1, _time);
        (await budget.TakeAsync(isUrgent: false, Cancel)).Dispose();
        var others = Enumerable.Range(0, 10).Select(_ => budget.TakeAsync(isUrgent: false, Cancel)).ToArray();

        var urgent = budget.TakeAsync(isUrgent: true, Cancel);
        while (!urgent.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
        }

        Assert.All(others, other => Assert.False(other.IsCompleted));
        (await urgent).Dispose();
        while (!others.Any(other => other.IsCompleted))
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
        }
    }

    [Fact]
    public void Failures_pause_all_requests_ever_longer_and_a_success_ends_that()
    {
        var pause = new AskingPause(Reconciling.Key(ScriptedMagicHour.Key), _time);
        var pauses = new List<double>();
        for (var i = 0; i < 10; i++)
        {
            // Together in flight: one of them counts.
            pause.Fail(retryAfter: null);
            pause.Fail(retryAfter: null);
            Assert.True(pause.IsOn && pause.IsProbing);
            pauses.Add(Wait(pause).TotalSeconds);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300], pauses);
        pause.Succeed();
        Assert.False(pause.IsProbing);
        pause.Fail(TimeSpan.FromSeconds(90));
        Assert.Equal(90, Wait(pause).TotalSeconds);
    }

    [Fact]
    public async Task A_rejected_key_is_probed_every_minute_and_another_one_at_once()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var file = Path.Combine(folder.Path, "key");
        await File.WriteAllTextAsync(file, "mhk_old_000000000000000000\n", Cancel);
        var key = Reconciling.Key("", file, _time);
        var pause = new AskingPause(key, _time);

        Assert.True(pause.RejectKey(key.Current!));
        Assert.Equal(60, Wait(pause).TotalSeconds);
        Assert.False(pause.RejectKey(key.Current!));
        await File.WriteAllTextAsync(file, "mhk_new_000000000000000000\n", Cancel);

        Assert.True(Wait(pause) <= MagicHourKey.PollInterval + TimeSpan.FromSeconds(1));
        Assert.Equal(("mhk_new_000000000000000000", true), (key.Current, pause.IsKeyRejected));
        pause.Succeed();
        Assert.False(pause.IsKeyRejected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    [InlineData("local_development_only")]
    [InlineData(null)]
    public async Task A_file_without_a_usable_key_changes_nothing(string? content)
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var file = Path.Combine(folder.Path, "key");
        await File.WriteAllTextAsync(file, ScriptedMagicHour.Key, Cancel);
        var key = Reconciling.Key("", file, _time);
        Assert.Equal(ScriptedMagicHour.Key, key.Current);

        File.Delete(file);
        if (content is not null)
        {
            await File.WriteAllTextAsync(file, content, Cancel);
        }

        _time.Advance(MagicHourKey.PollInterval);

        Assert.Equal(ScriptedMagicHour.Key, key.Current);
    }

    private TimeSpan Wait(AskingPause pause)
    {
        var start = _time.GetUtcNow();
        while (pause.IsOn)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        return _time.GetUtcNow() - start;
    }
}
