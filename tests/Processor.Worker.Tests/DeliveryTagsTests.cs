using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>Which deliveries of a channel may be acknowledged, and how.</summary>
public sealed class DeliveryTagsTests
{
    private readonly DeliveryTags _tags = new();

    [Fact]
    public void Finished_deliveries_are_acknowledged_together()
    {
        Finish(1, 2, 3);

        AssertTaken(upTo: 3);
        AssertTaken(upTo: null);
    }

    [Fact]
    public void An_open_delivery_is_never_acknowledged()
    {
        Finish(1, 2, 4, 5);

        AssertTaken(upTo: 2, 4, 5);
    }

    [Fact]
    public void A_delivery_that_was_dispatched_late_is_open_before_anything_is_known_of_it()
    {
        Finish(3);

        AssertTaken(upTo: null, 3);
        Assert.True(_tags.IsExpected(1));
        Assert.True(_tags.IsExpected(4));
    }

    [Fact]
    public void Once_the_first_open_delivery_is_finished_it_is_the_last_to_acknowledge()
    {
        Finish(2, 3);
        AssertTaken(upTo: null, 2, 3);
        Finish(1);

        // 3 is acknowledged already: the broker would close the channel for it.
        AssertTaken(upTo: 1);
    }

    [Fact]
    public void An_open_delivery_holds_up_no_other_however_long_it_takes()
    {
        for (ulong tag = 2; tag < 5000; tag++)
        {
            Finish(tag);
            AssertTaken(upTo: null, tag);
        }

        Finish(1, 5000);
        AssertTaken(upTo: 5000);
    }

    [Fact]
    public void A_returned_delivery_is_not_acknowledged_and_does_not_separate_its_neighbours()
    {
        Finish(1, 3);
        _tags.Return(2);

        AssertTaken(upTo: 3);
    }

    [Fact]
    public void The_last_delivery_to_acknowledge_is_never_a_returned_one()
    {
        Finish(1);
        _tags.Return(2);

        AssertTaken(upTo: 1);
    }

    [Fact]
    public void A_delivery_that_was_finished_is_not_acknowledged_after_its_return()
    {
        Finish(1, 2);
        _tags.Return(2);

        AssertTaken(upTo: 1);
        Assert.False(_tags.IsExpected(2));
    }

    [Fact]
    public void A_delivery_that_was_returned_cannot_be_finished()
    {
        _tags.Return(1);
        Finish(1);

        AssertTaken(upTo: null);
    }

    [Fact]
    public void A_delivery_is_expected_until_it_is_acknowledged()
    {
        Finish(1);
        Assert.True(_tags.IsExpected(1));

        AssertTaken(upTo: 1);

        Assert.False(_tags.IsExpected(1));
        Finish(1);
        AssertTaken(upTo: null);
    }

    [Property(MaxTest = 2000, Arbitrary = [typeof(Occurrences)])]
    public void Everything_finished_is_acknowledged_at_once_and_nothing_else(Occurrence[] occurrences)
    {
        var tags = new DeliveryTags();
        var broker = new Channel();
        foreach (var (action, tag) in occurrences)
        {
            switch (action)
            {
                case Action.Finish:
                    tags.Finish(tag);
                    broker.Finish(tag);
                    break;
                case Action.Return:
                    tags.Return(tag);
                    broker.Return(tag);
                    break;
                default:
                    broker.Acknowledge(tags.TakeFinished());
                    break;
            }
        }
    }

    private void Finish(params ulong[] tags) => Array.ForEach(tags, _tags.Finish);

    private void AssertTaken(ulong? upTo, params ulong[] alone)
    {
        var taken = _tags.TakeFinished();

        Assert.Equal(upTo, taken.UpTo);
        Assert.Equal(alone, taken.Alone);
    }

    public enum Action
    {
        Finish,
        Return,
        Acknowledge,
    }

    public sealed record Occurrence(Action Action, ulong Tag);

    public static class Occurrences
    {
        public static Arbitrary<Occurrence> Any() => Arb.From(
            from action in Gen.Elements(Action.Finish, Action.Finish, Action.Finish, Action.Return, Action.Acknowledge)
            from tag in Gen.Choose(1, 20)
            select new Occurrence(action, (ulong)tag));
    }

    /// <summary>The channel as the broker sees it, with all deliveries made.</summary>
    private sealed class Channel
    {
        private readonly HashSet<ulong> _unacknowledged = [.. Enumerable.Range(1, 20).Select(tag => (ulong)tag)];
        private readonly HashSet<ulong> _finished = [];

        public void Finish(ulong tag)
        {
            if (_unacknowledged.Contains(tag))
            {
                _finished.Add(tag);
            }
        }

        public void Return(ulong tag)
        {
            _unacknowledged.Remove(tag);
            _finished.Remove(tag);
        }

        public void Acknowledge((ulong? UpTo, IReadOnlyList<ulong> Alone) taken)
        {
            if (taken.UpTo is { } last)
            {
                Assert.Contains(last, _unacknowledged);
                Remove([.. _unacknowledged.Where(tag => tag <= last)]);
            }

            Array.ForEach([.. taken.Alone], tag => Remove(tag));
            Assert.Empty(_finished);
        }

        private void Remove(params ulong[] tags) => Array.ForEach(tags, tag =>
        {
            Assert.True(_unacknowledged.Remove(tag));
            Assert.True(_finished.Remove(tag));
        });
    }
}
