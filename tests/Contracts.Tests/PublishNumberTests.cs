using System.Text.Json;
using System.Text.Json.Nodes;

namespace Platform.Contracts.Tests;

/// <summary>The number of a publish travels in the delivery id of its message.</summary>
public sealed class PublishNumberTests
{
    [Theory]
    [InlineData(0, 1, "00000000-0000-8000-8000-000000000001")]
    [InlineData(0x123456789abcdef, 0x1122334455667788, "12345678-9abc-8def-9122-334455667788")]
    [InlineData((1L << 60) - 1, (1L << 62) - 1, "ffffffff-ffff-8fff-bfff-ffffffffffff")]
    public void An_id_of_version_8_holds_source_and_number(long source, long number, string id)
    {
        var published = new PublishNumber(source, number);

        Assert.Equal(new Guid(id), published.ToDeliveryId());
        Assert.Equal(published, PublishNumber.FromDeliveryId(new Guid(id)));
    }

    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("019aaf8e-0000-7000-8000-000000000001")]
    [InlineData("f47ac10b-58cc-4372-a567-0e02b2c3d479")]
    [InlineData("6a00781b-143f-5ca6-b8d2-3a535b4d83f3")]
    public void Other_ids_hold_none(string id) => Assert.Null(PublishNumber.FromDeliveryId(new Guid(id)));

    [Fact]
    public void Sources_differ_and_fit()
    {
        var sources = Enumerable.Range(0, 1000).Select(_ => PublishNumber.NewSource()).ToHashSet();

        Assert.Equal(1000, sources.Count);
        Assert.All(sources, source => Assert.Equal(new PublishNumber(source, 7), PublishNumber.FromDeliveryId(new PublishNumber(source, 7).ToDeliveryId())));
    }

    [Fact]
    public void Ascending_numbers_become_ranges()
    {
        Assert.Equal([new(1, 3), new(5, 5), new(8, 9)], NumberRange.FromAscending([1, 2, 2, 3, 5, 8, 9]));
        Assert.Empty(NumberRange.FromAscending([]));
    }

    [Fact]
    public void A_report_goes_to_the_exchange_of_the_events_under_its_own_type()
    {
        var report = new PublishesConfirmed
        {
            Source = 7,
            Instance = "ingress-1",
            StartedAt = DateTimeOffset.UnixEpoch,
            ReportedAt = DateTimeOffset.UnixEpoch.AddSeconds(10),
            After = 0,
            Through = 9,
            Unconfirmed = [new(3, 4)],
            Answers = new AnswerCounts { Accepted = 5, Late = 1, Quarantined = 1, Refused = 8, Unavailable = 2 },
        };

        var envelope = Envelope.Create(Guid.Empty, report, DateTimeOffset.UnixEpoch);

        var content = JsonNode.Parse(envelope.Content.Span)!;
        Assert.Equal("Platform.Contracts:WebhookReceived", envelope.Exchange);
        Assert.Equal(["urn:message:Platform.Contracts:PublishesConfirmed"], content["messageType"].Deserialize<string[]>()!);
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                {"source":7,"instance":"ingress-1","startedAt":"1970-01-01T00:00:00+00:00","reportedAt":"1970-01-01T00:00:10+00:00",
                 "after":0,"through":9,"unconfirmed":[{"first":3,"last":4}],
                 "answers":{"accepted":5,"late":1,"quarantined":1,"refused":8,"unavailable":2}}
                """),
            content["message"]));
        // Any other reader of the queue leaves it to MassTransit.
        Assert.Null(Envelope.Read(envelope.Content.Span));
    }
}
