using Platform.Contracts;

namespace Processor.Worker.Tests;

public sealed class UnitOfWorkTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("zz")]
    [InlineData("00")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void A_hash_that_is_none_fails_before_its_message_joins_a_group(string? hash)
    {
        var received = Deliveries.Event("video.started", "j") with { BodySha256 = hash! };
        var quarantined = Deliveries.NoEvent("{}") with { BodySha256 = hash! };

        var failures = new[] { Record.Exception(() => Deliveries.Unit(received)), Record.Exception(() => new Inbox.UnitOfWork().Quarantine(quarantined)) };

        Assert.All(failures, failure => Assert.Equal("bodySha256 is not 64 hexadecimal digits.", Assert.IsType<FormatException>(failure).Message));
    }

    public static TheoryData<WebhookReceived> WithNulls =>
    [
        Deliveries.Event("video.started", "j") with { EventType = null! },
        Deliveries.Event("video.started", "j") with { JobId = null! },
        Deliveries.Event("video.started", "j") with { Origin = null! },
        Deliveries.Event("video.started", "j") with { SecretName = null! },
    ];

    [Theory]
    [MemberData(nameof(WithNulls), DisableDiscoveryEnumeration = true)]
    public void A_missing_text_fails_before_its_message_joins_a_group(WebhookReceived received) =>
        Assert.Throws<ArgumentNullException>(() => Deliveries.Unit(received, Guid.NewGuid()));
}
