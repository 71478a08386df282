using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>The limits on one target, and when the platform stops trying it.</summary>
public sealed class TargetsTests
{
    private readonly FakeTimeProvider _time = new(Deliveries.Noon);

    [Fact]
    public void A_target_gets_one_attempt_at_a_time_until_it_answers_and_then_so_many_at_once()
    {
        var targets = new Targets(inWork: 2, _time);

        Assert.Null(targets.Enter("one"));
        Assert.NotNull(targets.Enter("one"));
        targets.Leave("one", isSlow: false, isAnswered: true);

        Assert.Null(targets.Enter("one"));
        Assert.Null(targets.Enter("one"));
        Assert.NotNull(targets.Enter("one"));
        Assert.Null(targets.Enter("other"));
        targets.Leave("one", isSlow: false, isAnswered: false);
        Assert.NotNull(targets.Enter("one"));
    }

    [Fact]
    public void A_target_with_four_slow_attempts_gets_no_other_until_one_ends()
    {
        var targets = new Targets(inWork: 16, _time);
        Answer(targets, "slow");
        for (var i = 0; i < 4; i++)
        {
            Assert.Null(targets.Enter("slow"));
            targets.Slow("slow");
        }

        Assert.NotNull(targets.Enter("slow"));
        Assert.NotNull(targets.LookAhead()!("slow"));
        targets.Leave("slow", isSlow: true, isAnswered: true);
        Assert.Null(targets.Enter("slow"));
    }

    [Fact]
    public void What_is_due_for_a_silent_target_is_deferred_for_as_long_as_it_has_been_silent()
    {
        var targets = new Targets(inWork: 16, _time);
        Assert.Null(targets.Enter("silent"));

        var atOnce = Assert.NotNull(targets.Enter("silent"));
        _time.Advance(TimeSpan.FromSeconds(8));
        var later = Assert.NotNull(targets.Enter("silent"));

        Assert.Equal((0.5, false), (atOnce.Time.TotalSeconds, atOnce.IsPaused));
        Assert.Equal((8, false), (later.Time.TotalSeconds, later.IsPaused));
    }

    [Fact]
    public void Of_what_is_due_for_a_target_that_has_not_answered_yet_one_is_left_and_of_any_other_all()
    {
        var targets = new Targets(inWork: 2, _time);
        Answer(targets, "good");
        Assert.Null(targets.LookAhead());
        Assert.Null(targets.Enter("busy"));
        Assert.NotNull(targets.Enter("busy"));

        var find = targets.LookAhead()!;
        string[] left = [.. new[] { "busy", "new", "good", "new", "busy", "good" }.Where(name => find(name) is null)];

        Assert.Equal(["new", "good", "good"], left);
    }

    [Fact]
    public void A_target_that_gives_no_answer_five_times_is_paused_ever_longer_until_it_answers()
    {
        var targets = new Targets(inWork: 16, _time);
        Fail(targets, 5);

        var pauses = new List<TimeSpan>();
        for (var i = 0; i < 8; i++)
        {
            var wait = Assert.NotNull(targets.Enter("dead"));
            Assert.True(wait.IsPaused);
            pauses.Add(wait.Time);
            _time.Advance(wait.Time);
            // One attempt at a time probes the target.
            Assert.Null(targets.Enter("dead"));
            Assert.NotNull(targets.Enter("dead"));
            targets.Leave("dead", isSlow: false, isAnswered: i == 7);
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 300, 300], pauses.Select(pause => (int)pause.TotalSeconds));
        Assert.Null(targets.LookAhead()!("dead"));
    }

    [Fact]
    public void A_target_that_is_not_given_the_time_to_answer_is_neither_paused_nor_trusted_for_it()
    {
        var targets = new Targets(inWork: 16, _time);
        Fail(targets, 4);

        for (var i = 0; i < 10; i++)
        {
            Assert.Null(targets.Enter("dead"));
            targets.Slow("dead");
            Assert.NotNull(targets.Enter("dead"));
            targets.Leave("dead", isSlow: true, isAnswered: null);
        }

        Fail(targets, 1);
        Assert.True(Assert.NotNull(targets.Enter("dead")).IsPaused);
    }

    [Fact]
    public void An_error_that_is_answered_pauses_no_one_who_shares_the_target()
    {
        var targets = new Targets(inWork: 16, _time);
        Fail(targets, 4);

        Answer(targets, "dead");
        Fail(targets, 4);

        Assert.Null(targets.Enter("dead"));
    }

    [Fact]
    public void Targets_that_answer_are_forgotten_before_those_that_do_not()
    {
        var targets = new Targets(inWork: 16, _time);
        Fail(targets, 5);

        for (var i = 0; i < 3 * Targets.MostKnown; i++)
        {
            Answer(targets, $"{i}.example");
        }

        Assert.InRange(targets.Known, 1, Targets.MostKnown);
        Assert.True(Assert.NotNull(targets.Enter("dead")).IsPaused);
    }

    [Fact]
    public void The_table_is_bounded_whatever_users_register()
    {
        var targets = new Targets(inWork: 16, _time);
        Assert.Null(targets.Enter("in work"));

        for (var i = 0; i < 3 * Targets.MostKnown; i++)
        {
            Assert.Null(targets.Enter($"{i}.example"));
            targets.Leave($"{i}.example", isSlow: false, isAnswered: false);
        }

        Assert.InRange(targets.Known, 1, Targets.MostKnown);
        targets.Leave("in work", isSlow: false, isAnswered: true);
    }

    private static void Answer(Targets targets, string name)
    {
        Assert.Null(targets.Enter(name));
        targets.Leave(name, isSlow: false, isAnswered: true);
    }

    private static void Fail(Targets targets, int times)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.Null(targets.Enter("dead"));
            targets.Leave("dead", isSlow: false, isAnswered: false);
        }
    }
}
