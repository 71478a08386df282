using Ingress.Api.Publishing;
using Platform.Contracts;

namespace Ingress.Api.Tests;

/// <summary>The broker answers by sequence number, for one message or for all up to it, and by message id when it returns one.</summary>
public sealed class UnansweredPublishesTests
{
    private readonly UnansweredPublishes _unanswered = new();
    private readonly PendingPublish[] _publishes = [.. Enumerable.Range(0, 5).Select(_ => new PendingPublish(NewEnvelope(), trace: null))];

    public UnansweredPublishesTests() => Array.ForEach(_publishes, _unanswered.Add);

    [Fact]
    public void An_answer_is_to_one_message_or_to_all_up_to_it_that_have_none()
    {
        _unanswered.Resolve(2, multiple: false, PublishAnswer.Refused);
        _unanswered.Resolve(4, multiple: true, PublishAnswer.Confirmed);

        Assert.Equal([PublishAnswer.Confirmed, PublishAnswer.Refused, PublishAnswer.Confirmed, PublishAnswer.Confirmed, null], Answers());
    }

    [Fact]
    public void What_was_returned_stays_returned_when_it_is_confirmed()
    {
        var returned = PublishAnswer.Returned("NO_ROUTE");

        _unanswered.Return(_publishes[1].MessageId, returned);
        _unanswered.Resolve(5, multiple: true, PublishAnswer.Confirmed);

        Assert.Equal([PublishAnswer.Confirmed, returned, PublishAnswer.Confirmed, PublishAnswer.Confirmed, PublishAnswer.Confirmed], Answers());
    }

    [Fact]
    public void An_answer_that_comes_again_or_to_nothing_changes_nothing()
    {
        _unanswered.Resolve(1, multiple: false, PublishAnswer.Confirmed);
        _unanswered.Resolve(1, multiple: true, PublishAnswer.Refused);
        _unanswered.Resolve(99, multiple: false, PublishAnswer.Refused);

        Assert.Equal([PublishAnswer.Confirmed, null, null, null, null], Answers());
    }

    [Fact]
    public async Task When_the_channel_closes_all_are_answered_and_what_comes_late_too()
    {
        _unanswered.Resolve(1, multiple: false, PublishAnswer.Confirmed);
        _unanswered.Close(PublishAnswer.Lost);

        var late = new PendingPublish(NewEnvelope(), trace: null);
        _unanswered.Add(late);

        Assert.Equal([PublishAnswer.Confirmed, .. Enumerable.Repeat(PublishAnswer.Lost, 4)], Answers());
        Assert.Equal(PublishAnswer.Lost, await late.Answer);
    }

    [Fact]
    public void What_was_given_up_before_it_was_written_is_not_written()
    {
        var publish = new PendingPublish(NewEnvelope(), trace: null);

        publish.GiveUp();

        Assert.Null(publish.Take());
    }

    private static Envelope NewEnvelope() => new(Guid.NewGuid(), "exchange", ReadOnlyMemory<byte>.Empty);

    private PublishAnswer?[] Answers() => [.. _publishes.Select(publish => publish.Answer.IsCompleted ? publish.Answer.Result : null)];
}
